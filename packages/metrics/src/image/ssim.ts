import { fail } from '@lipsync/contracts';
import type { MetricScore } from '../metric-description';
import { RunningMean } from '../running-mean';
import { assertQuantise, assertRange, type Image, type ImageOptions, readPair, type Values } from './image';

/**
 * Windows, variances and borders, which move the score by up to 0.03, as much as models differ:
 * - `gaussian`: Wang et al. 2004: 11x11, sigma 1.5, biased variance, valid positions only. scikit-image with
 *   `gaussian_weights=True, sigma=1.5, use_sample_covariance=False`;
 * - `uniform7`: scikit-image's default: mean over 7x7, sample covariance (times 49/48), valid positions only;
 * - `torchmetrics`: its `StructuralSimilarityIndexMeasure`: the Gaussian, but images are mirrored at the borders and
 *   the mean is over all pixels.
 */
export type SsimVariant = 'gaussian' | 'uniform7' | 'torchmetrics';

export type SsimOptions = ImageOptions & {
  /** Default `gaussian`. */
  variant?: SsimVariant;
};

const RADIUS = 5; // int(3.5 * 1.5 + 0.5)
const SIGMA = 1.5;

function gaussian(): Float64Array {
  const taps = Float64Array.from({ length: 2 * RADIUS + 1 }, (_, i) =>
    Math.exp((-0.5 * (i - RADIUS) ** 2) / SIGMA ** 2),
  );
  const total = taps.reduce((sum, tap) => sum + tap, 0);
  return taps.map((tap) => tap / total);
}

const VARIANTS: Record<SsimVariant, { taps: Float64Array; covariance: number; mirrored: boolean; convention: string }> =
  {
    gaussian: {
      taps: gaussian(),
      covariance: 1,
      mirrored: false,
      convention: 'Gaussian 11x11, sigma 1.5, biased variance, valid positions',
    },
    uniform7: {
      taps: new Float64Array(7).fill(1 / 7),
      covariance: 49 / 48,
      mirrored: false,
      convention: 'uniform 7x7, sample covariance, valid positions (the default of scikit-image)',
    },
    torchmetrics: {
      taps: gaussian(),
      covariance: 1,
      mirrored: true,
      convention: 'Gaussian 11x11, sigma 1.5, biased variance, mirrored borders, all positions (torchmetrics)',
    },
  };

function variantOf(where: string, variant: SsimVariant) {
  if (!Object.hasOwn(VARIANTS, variant)) fail(TypeError, where, 'variant', Object.keys(VARIANTS).join(', '), variant);
  return VARIANTS[variant];
}

/**
 * Structural similarity of two images, -1..1; 1 if they are equal.
 *
 * A window around each position gives means `m`, variances `v` and the covariance `c`;
 * `((2 mx my + C1)(2 cxy + C2)) / ((mx² + my² + C1)(vx + vy + C2))`, `C1 = (0.01 L)²`, `C2 = (0.03 L)²`,
 * `L` the span of the range; mean over positions, then colours.
 *
 * Source: Wang et al. 2004, conventions by `variant`. Within 1e-12 of scikit-image 0.19 in float64 and of the formula
 * of torchmetrics in PyTorch's float64 (see the test). Sums are 64-bit: in float32, as programs on tensors compute it,
 * the variances cancel; on a smooth bright pair that gave 1.00001 instead of 0.999999. No downsampling of large images,
 * which Wang's later script adds. Black counts as 0 whatever its value, so bytes and -1..1 give the same score;
 * libraries that are handed -1..1 with a data range of 2 do not do so.
 *
 * @throws TypeError for images of different or unusable size (below 11, or 7), or without a range; RangeError for
 * values outside of it.
 * @example
 * ssim(real, generated, { range: [0, 255] });
 */
export function ssim(real: Image, generated: Image, options: SsimOptions): number {
  const { variant = 'gaussian' } = options;
  const { taps, covariance, mirrored } = variantOf('ssim', variant);
  const pair = readPair('ssim', real, generated, options);
  const { height, width, channels, span } = pair.real;
  if (height < taps.length || width < taps.length) {
    fail(TypeError, 'ssim', 'real', `at least ${taps.length} x ${taps.length} pixels`, [height, width]);
  }
  let total = 0;
  for (let channel = 0; channel < channels; channel++) {
    const planes = sumAndDifference(pair.real, pair.generated, channel, mirrored ? (taps.length - 1) / 2 : 0);
    total += meanOfMap(planes, taps, covariance, span);
  }
  return total / channels;
}

/**
 * SSIM over many pairs: the mean of theirs. Images may differ in size from pair to pair.
 *
 * @example
 * const scorer = new SsimScorer({ range: [0, 255] });
 * scorer.update(real, generated);
 * console.log(formatScore(scorer.compute()));
 */
export class SsimScorer {
  readonly #options: SsimOptions;
  readonly #mean = new RunningMean();

  constructor(options: SsimOptions) {
    assertRange('SsimScorer', options.range);
    assertQuantise('SsimScorer', options.quantise ?? 'none');
    variantOf('SsimScorer', options.variant ?? 'gaussian');
    this.#options = options;
  }

  /** @returns the score of this pair. */
  update(real: Image, generated: Image): number {
    const value = ssim(real, generated, this.#options);
    this.#mean.add(value);
    return value;
  }

  /** @throws Error before the first pair. */
  compute(): MetricScore {
    const { variant = 'gaussian', quantise = 'none' } = this.#options;
    const { convention } = VARIANTS[variant];
    return {
      metric: 'ssim',
      value: this.#mean.mean('SsimScorer.compute'),
      samples: this.#mean.count,
      convention: `${convention}, mean over colours, then over images${quantise === 'none' ? '' : `, 8 bits (${quantise})`}`,
      notes: [],
    };
  }

  reset(): void {
    this.#mean.reset();
  }
}

type Planes = { sum: Float64Array; difference: Float64Array; height: number; width: number };

/** One colour of both images as `x + y` and `x - y`, with mirrored borders (the border itself not repeated) around. */
function sumAndDifference(real: Values, generated: Values, channel: number, border: number): Planes {
  const { channels } = real;
  const [height, width] = [real.height + 2 * border, real.width + 2 * border];
  const sum = new Float64Array(height * width);
  const difference = new Float64Array(height * width);
  for (let y = 0, at = 0; y < height; y++) {
    const row = mirror(y - border, real.height) * real.width;
    for (let x = 0; x < width; x++, at++) {
      const from = (row + mirror(x - border, real.width)) * channels + channel;
      sum[at] = real.data[from] + generated.data[from];
      difference[at] = real.data[from] - generated.data[from];
    }
  }
  return { sum, difference, height, width };
}

function mirror(index: number, size: number): number {
  if (index < 0) return -index;
  return index < size ? index : 2 * (size - 1) - index;
}

/**
 * The mean of SSIM over all positions where the window fits.
 *
 * With `s = x + y`, `d = x - y`: `4 mx my = ms² - md²`, `2 (mx² + my²) = ms² + md²`, and likewise for the variances:
 * four filters instead of five, and equal images give exactly 1. Rows are filtered once and kept in a ring as high as
 * the window.
 */
function meanOfMap(
  { sum, difference, height, width }: Planes,
  taps: Float64Array,
  covariance: number,
  span: number,
): number {
  const size = taps.length;
  const columns = width - size + 1;
  const ring = Array.from({ length: size }, () => Array.from({ length: 4 }, () => new Float64Array(columns)));
  const [meanS, meanSS, meanD, meanDD] = Array.from({ length: 4 }, () => new Float64Array(columns));
  const c1 = (0.01 * span) ** 2;
  const c2 = (0.03 * span) ** 2;
  let total = 0;
  for (let y = 0; y < height; y++) {
    filterRow(sum, difference, y * width, taps, ring[y % size]);
    if (y < size - 1) continue;
    for (const map of [meanS, meanSS, meanD, meanDD]) map.fill(0);
    for (let k = 0; k < size; k++) {
      const [s, ss, d, dd] = ring[(y + 1 + k) % size]; // the oldest row first
      const tap = taps[k];
      for (let x = 0; x < columns; x++) {
        meanS[x] += tap * s[x];
        meanSS[x] += tap * ss[x];
        meanD[x] += tap * d[x];
        meanDD[x] += tap * dd[x];
      }
    }
    for (let x = 0; x < columns; x++) {
      const squareS = meanS[x] * meanS[x];
      const squareD = meanD[x] * meanD[x];
      const varianceS = covariance * (meanSS[x] - squareS);
      const varianceD = covariance * (meanDD[x] - squareD);
      const alike = (0.5 * (squareS - squareD) + c1) * (0.5 * (varianceS - varianceD) + c2);
      total += alike / ((0.5 * (squareS + squareD) + c1) * (0.5 * (varianceS + varianceD) + c2));
    }
  }
  return total / (columns * (height - size + 1));
}

/** Weighted sums along one row of `s`, `s²`, `d` and `d²`. */
function filterRow(
  sum: Float64Array,
  difference: Float64Array,
  start: number,
  taps: Float64Array,
  into: Float64Array[],
): void {
  const [outS, outSS, outD, outDD] = into;
  for (let x = 0; x < outS.length; x++) {
    let [s, ss, d, dd] = [0, 0, 0, 0];
    for (let k = 0; k < taps.length; k++) {
      const left = sum[start + x + k];
      const right = difference[start + x + k];
      const weightedLeft = taps[k] * left;
      const weightedRight = taps[k] * right;
      s += weightedLeft;
      ss += weightedLeft * left;
      d += weightedRight;
      dd += weightedRight * right;
    }
    outS[x] = s;
    outSS[x] = ss;
    outD[x] = d;
    outDD[x] = dd;
  }
}
