import { fail } from '@lipsync/contracts';
import type { MetricScore } from '../metric-description';
import { RunningMean } from '../running-mean';
import { assertRange, type Image, readImage, type ValueRange } from './image';
import type { PixelMask } from './psnr';

export type LaplacianVarianceOptions = {
  /** The values of black and white; the result is always on the scale 0..255. */
  range: ValueRange;
  /**
   * Pixels that count where not 0, row-major `height * width`; the Laplacian itself reads their neighbours, too.
   * Default all.
   */
  mask?: PixelMask;
  /**
   * OpenCV's `ksize`: 1 is the difference to the four neighbours, 3 its Sobel form, `[2 0 2; 0 -8 0; 2 0 2]`. Default
   * 1.
   */
  kernelSize?: 1 | 3;
  /**
   * `8 bit`: colours and gray are rounded to whole levels as in OpenCV's `cvtColor` of image files, whose rounding adds
   * about 1.7 to the variance. `exact`: not rounded. Default `8 bit`, as in published results.
   */
  gray?: '8 bit' | 'exact';
};

const KERNELS = {
  1: { centre: -4, side: 1, corner: 0 },
  3: { centre: -8, side: 0, corner: 2 },
} as const;

function assertOptions(where: string, { range, kernelSize = 1, gray = '8 bit' }: LaplacianVarianceOptions): void {
  assertRange(where, range);
  if (!Object.hasOwn(KERNELS, kernelSize)) fail(RangeError, where, 'kernelSize', '1 or 3', kernelSize);
  if (gray !== '8 bit' && gray !== 'exact') fail(TypeError, where, 'gray', '8 bit or exact', gray);
}

/**
 * Sharpness of an image: the variance of the Laplacian of its gray values, `cv2.Laplacian(gray, CV_64F).var()`. Lower
 * is more blurred.
 *
 * `gray = 0.299 R + 0.587 G + 0.114 B` on the scale 0..255, the image mirrored at its borders (border pixels not
 * repeated), no blur before, population variance over all pixels or those of the mask. Equal to OpenCV 4.6 to 1e-12
 * (see the test). Grows with contrast and depends on the resolution: compare crops of the same size only.
 *
 * @throws TypeError for images below 2 x 2 pixels; RangeError for values outside of the range and a mask that is empty.
 * @example
 * laplacianVariance(mouth, { range: [0, 255] });
 */
export function laplacianVariance(image: Image, options: LaplacianVarianceOptions): number {
  const where = 'laplacianVariance';
  assertOptions(where, options);
  const { range, mask, kernelSize = 1, gray: rounding = '8 bit' } = options;
  const { height, width } = image;
  const gray = grayValues(where, image, range, rounding);
  if (height < 2 || width < 2) fail(TypeError, where, 'image', 'at least 2 x 2 pixels', [height, width]);
  if (mask !== undefined && (!ArrayBuffer.isView(mask) || mask.length !== height * width)) {
    fail(TypeError, where, 'mask', `a typed array of ${height} x ${width} numbers`, (mask as Float32Array)?.length);
  }
  const { centre, side, corner } = KERNELS[kernelSize];
  const values: number[] = [];
  for (let y = 0; y < height; y++) {
    const [above, row, below] = [Math.abs(y - 1), y, y + 1 < height ? y + 1 : height - 2].map((line) => line * width);
    for (let x = 0; x < width; x++) {
      if (mask !== undefined && !(mask[row + x] > 0)) continue;
      const [left, right] = [Math.abs(x - 1), x + 1 < width ? x + 1 : width - 2];
      const sides = gray[above + x] + gray[below + x] + gray[row + left] + gray[row + right];
      const corners = gray[above + left] + gray[above + right] + gray[below + left] + gray[below + right];
      values.push(centre * gray[row + x] + side * sides + corner * corners);
    }
  }
  if (values.length === 0) fail(RangeError, where, 'mask', 'above 0 somewhere', 'zeros only');
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  return values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length;
}

/** Gray on the scale 0..255. */
function grayValues(where: string, image: Image, range: ValueRange, rounding: '8 bit' | 'exact'): Float64Array {
  const { data, channels, span } = readImage(where, 'image', image, {
    range,
    quantise: rounding === '8 bit' ? 'round' : 'none',
  });
  const scale = 255 / span;
  if (channels === 1) return data.map((value) => value * scale);
  const gray = new Float64Array(data.length / 3);
  for (let i = 0, at = 0; i < gray.length; i++, at += 3) {
    const [red, green, blue] = [data[at], data[at + 1], data[at + 2]];
    // OpenCV's weights in 15 bits
    if (rounding === '8 bit') gray[i] = (red * 9798 + green * 19235 + blue * 3735 + 16384) >> 15;
    else gray[i] = scale * (0.299 * red + 0.587 * green + 0.114 * blue);
  }
  return gray;
}

/**
 * Sharpness over many images: the mean of theirs.
 *
 * @example
 * const scorer = new LaplacianVarianceScorer({ range: [0, 255] });
 * scorer.update(mouth);
 * console.log(formatScore(scorer.compute()));
 */
export class LaplacianVarianceScorer {
  readonly #options: Omit<LaplacianVarianceOptions, 'mask'>;
  readonly #mean = new RunningMean();
  #masked = 0;

  constructor(options: Omit<LaplacianVarianceOptions, 'mask'>) {
    assertOptions('LaplacianVarianceScorer', options);
    this.#options = options;
  }

  /** @returns the sharpness of this image. */
  update(image: Image, mask?: PixelMask): number {
    const value = laplacianVariance(image, { ...this.#options, mask });
    this.#mean.add(value);
    if (mask !== undefined) this.#masked++;
    return value;
  }

  /** @throws Error before the first image. */
  compute(): MetricScore {
    const { kernelSize = 1, gray = '8 bit' } = this.#options;
    const value = this.#mean.mean('LaplacianVarianceScorer.compute');
    const samples = this.#mean.count;
    const where = this.#masked === 0 ? 'whole image' : 'inside the mask';
    return {
      metric: 'laplacian-variance',
      value,
      samples,
      convention: `OpenCV's Laplacian with ksize ${kernelSize} of gray 0..255 (${gray}), ${where}, mean over images`,
      notes:
        this.#masked === 0 || this.#masked === samples
          ? []
          : [`${samples - this.#masked} of ${samples} images had no mask`],
    };
  }

  reset(): void {
    this.#mean.reset();
    this.#masked = 0;
  }
}
