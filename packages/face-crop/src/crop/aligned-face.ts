import { type FaceTrack, fail, type VideoFrame } from '@lipsync/contracts';

/**
 * LatentSync's template: the middle of the brow on the image's left, of the one on its right, and of the nose, for a
 * size of 256.
 */
const TEMPLATE = [17, 20, 58, 20, 37.5, 40].map((value) => value * 2.8);
const CANVAS = { width: 210, height: 280 };
const FILL = 127;

/**
 * Image coordinates of canvas coordinates: `x = a u + b v + c`, `y = d u + e v + f`, pixel centres at whole numbers.
 */
export type Affine = [number, number, number, number, number, number];

/**
 * LatentSync's similarity transforms for a track, one per frame: they map brows and nose onto a template on a canvas of
 * 210 x 280.
 *
 * The three points, centred and scaled by their standard deviation (of a sample: the sum over 5), are rotated by the
 * best rotation (Procrustes). The remaining distance of the nose from its place on the template, in these units and
 * smoothed over time as `0.2 before + 0.8 now`, is added to the shift.
 *
 * Source: ByteDance LatentSync, `AlignRestore` and its template; adapted where it uses other landmarks: brows are the
 * means of points 17-21 and 22-26, the nose that of 27-35 (as its version 1.5), rounded to whole pixels.
 *
 * @returns for each frame the map from canvas pixels to image pixels.
 * @throws RangeError where brows and nose of a frame are one point.
 */
export function alignFace(track: FaceTrack): Affine[] {
  let bias: [number, number] | undefined;
  return Array.from({ length: track.frameCount }, (_, frame) => {
    const points = track.points.subarray(frame * 136, (frame + 1) * 136);
    const mean = (from: number, to: number, axis: number) => {
      let sum = 0;
      for (let i = from; i < to; i++) sum += points[2 * i + axis] - 0.5; // pixel centres at whole numbers
      return Math.round(sum / (to - from));
    };
    const found = [
      [17, 22],
      [22, 27],
      [27, 36],
    ].flatMap(([from, to]) => [mean(from, to, 0), mean(from, to, 1)]);
    const [from, to] = [normalise(found), normalise(TEMPLATE)];
    if (!(from.spread > 0))
      fail(
        RangeError,
        'alignFace',
        `track.points of frame ${frame}`,
        'three different points of brows and nose',
        found,
      );
    let [dot, cross] = [0, 0];
    for (let i = 0; i < 6; i += 2) {
      dot += from.points[i] * to.points[i] + from.points[i + 1] * to.points[i + 1];
      cross += from.points[i] * to.points[i + 1] - from.points[i + 1] * to.points[i];
    }
    const length = Math.hypot(dot, cross);
    const [cos, sin] = [dot / length, cross / length];
    const now: [number, number] = [to.points[4] - from.points[4], to.points[5] - from.points[5]];
    bias = bias ? [0.2 * bias[0] + 0.8 * now[0], 0.2 * bias[1] + 0.8 * now[1]] : now;
    // canvas = k R (image - mean) + mean of the template + bias; its inverse:
    const k = to.spread / from.spread;
    const [a, b] = [cos / k, sin / k];
    const [u0, v0] = [to.mean[0] + bias[0], to.mean[1] + bias[1]];
    return [a, b, from.mean[0] - a * u0 - b * v0, -b, a, from.mean[1] + b * u0 - a * v0];
  });
}

function normalise(points: readonly number[]) {
  const mean = [0, 1].map((axis) => (points[axis] + points[axis + 2] + points[axis + 4]) / 3);
  const centred = points.map((value, i) => value - mean[i % 2]);
  // PyTorch's std of all six numbers at once, which divides by one less
  const average = centred.reduce((sum, value) => sum + value, 0) / 6;
  const spread = Math.sqrt(centred.reduce((sum, value) => sum + (value - average) ** 2, 0) / 5);
  return { mean, spread, points: centred.map((value) => value / spread) };
}

/**
 * Cuts an aligned face: the canvas, resized to a square, in one bilinear sampling; gray 127 outside the image.
 * (LatentSync samples the canvas first and then resizes it with Lanczos.)
 *
 * @returns RGB, 0..255, `[size, size, 3]`.
 */
export function cutAlignedFace(
  frame: VideoFrame,
  [a, b, c, d, e, f]: Affine,
  size: number,
  out?: Uint8Array,
): Uint8Array {
  const target = out ?? new Uint8Array(size * size * 3);
  if (target.length !== size * size * 3)
    fail(TypeError, 'cutAlignedFace', 'out', `${size * size * 3} bytes long`, target.length);
  const { data, width, height } = frame;
  for (let i = 0, at = 0; i < size; i++) {
    const v = ((i + 0.5) * CANVAS.height) / size - 0.5;
    for (let j = 0; j < size; j++, at += 3) {
      const u = ((j + 0.5) * CANVAS.width) / size - 0.5;
      const x = a * u + b * v + c;
      const y = d * u + e * v + f;
      const [left, top] = [Math.floor(x), Math.floor(y)];
      const [fx, fy] = [x - left, y - top];
      for (let colour = 0; colour < 3; colour++) {
        const pixel = (row: number, column: number) =>
          row < 0 || column < 0 || row >= height || column >= width ? FILL : data[(row * width + column) * 3 + colour];
        const upper = (1 - fx) * pixel(top, left) + fx * pixel(top, left + 1);
        const lower = (1 - fx) * pixel(top + 1, left) + fx * pixel(top + 1, left + 1);
        target[at + colour] = (1 - fy) * upper + fy * lower + 0.5;
      }
    }
  }
  return target;
}
