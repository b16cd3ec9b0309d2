import { fail } from '@lipsync/contracts';

/**
 * Sharpness of a picture: the variance of the Laplacian of its gray values, `cv2.Laplacian(gray, CV_64F).var()`. Blurred pictures have little.
 *
 * `gray` by OpenCV's 8-bit rule; `laplacian = above + below + left + right - 4 gray`, mirrored at the borders (border pixels not repeated);
 * population variance over all pixels. Grows with contrast and depends on the resolution: compare crops of the same size only.
 *
 * Source: OpenCV 4.6; equal to 1e-12, see the test. `laplacianVariance` of @lipsync/metrics is the same rule with masks and
 * value ranges; this one is for the crops that this package cuts.
 *
 * @param rgb `[height, width, 3]`, 0..255, row-major; only read.
 * @throws TypeError if the picture is smaller than 2 x 2 pixels or `rgb` does not hold it.
 * @example
 * const sharp = laplacianSharpness(sampleSquare(frame, square, 96), 96, 96);
 */
export function laplacianSharpness(rgb: Uint8Array, width: number, height: number): number {
  const where = 'laplacianSharpness';
  for (const [name, value] of Object.entries({ width, height })) {
    if (!(Number.isInteger(value) && value >= 2)) fail(TypeError, where, name, 'a whole number of pixels, at least 2', value);
  }
  if (!(rgb instanceof Uint8Array) || rgb.length !== width * height * 3) {
    fail(TypeError, where, 'rgb', `a Uint8Array of ${height} x ${width} x 3 values`, (rgb as Uint8Array)?.length);
  }
  const gray = new Uint8Array(width * height);
  // OpenCV's weights in 15 bits
  for (let i = 0, at = 0; i < gray.length; i++, at += 3) gray[i] = (rgb[at] * 9798 + rgb[at + 1] * 19235 + rgb[at + 2] * 3735 + 16384) >> 15;
  let sum = 0;
  let squares = 0; // whole numbers below 2^53 for any picture: exact
  for (let y = 0; y < height; y++) {
    const row = y * width;
    const above = (y === 0 ? 1 : y - 1) * width;
    const below = (y === height - 1 ? y - 1 : y + 1) * width;
    for (let x = 0; x < width; x++) {
      const left = x === 0 ? 1 : x - 1;
      const right = x === width - 1 ? x - 1 : x + 1;
      const value = gray[above + x] + gray[below + x] + gray[row + left] + gray[row + right] - 4 * gray[row + x];
      sum += value;
      squares += value * value;
    }
  }
  const mean = sum / gray.length;
  return squares / gray.length - mean * mean;
}
