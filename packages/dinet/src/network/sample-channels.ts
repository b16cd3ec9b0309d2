import { fail } from '@lipsync/contracts';
import * as tf from '@tensorflow/tfjs-core';

/**
 * Zeros on all sides of a map, so that places outside it read zero without a test; two, so that the slope there is zero
 * as well.
 */
const BORDER = 2;

/**
 * Samples every channel of a map at places of its own, bilinearly between four pixels; outside the map is zero.
 *
 * `y[b, i, c] = sum over the four pixels (u, v) around (row, column)[b, i, c] of (1 - |row - u|)(1 - |column - v|) ·
 * x[b, u, v, c]`.
 *
 * Source: `torch.nn.functional.grid_sample(mode='bilinear', padding_mode='zeros')` of each channel alone, places in
 * pixels. The gradient, by `x` and by the places, is written out here.
 *
 * @param x float32 `[batch, height, width, channels]`, borrowed.
 * @param columns float32 `[batch, places, channels]`, pixels from the left, 0 is the centre of the first; borrowed.
 * @param rows float32 `[batch, places, channels]`, pixels from the top, likewise.
 * @returns float32 `[batch, places, channels]`. The caller disposes it.
 * @throws TypeError if the shapes do not fit.
 * @example
 * const values = sampleChannels(tf.ones([1, 2, 2, 1]), tf.tensor3d([[[0], [1]]]), tf.tensor3d([[[0], [0.5]]])); // 1, 1
 */
export function sampleChannels(x: tf.Tensor4D, columns: tf.Tensor, rows: tf.Tensor): tf.Tensor3D {
  const [batch, , , channels] = x.shape;
  // [batch, places, channels]
  const fits = (places: tf.Tensor) => places.rank === 3 && places.shape[0] === batch && places.shape[2] === channels;
  if (x.rank !== 4 || !fits(columns) || !fits(rows) || columns.shape[1] !== rows.shape[1]) {
    const rule = `x [batch, height, width, channels], columns and rows both [${batch}, places, ${channels}]`;
    fail(TypeError, 'sampleChannels', 'the shapes', rule, [x.shape, columns.shape, rows.shape]);
  }
  return sample(x, columns as tf.Tensor3D, rows as tf.Tensor3D);
}

/** Offsets of the four pixels around a place in the flattened map with its border: itself, right, below, below right. */
const cornersOf = ([, , width, channels]: number[]): number[] => {
  const line = (width + 2 * BORDER) * channels;
  return [0, channels, line, line + channels];
};

/** The pixel before a place, and the place's distance from it; all `[batch, places, channels]`. */
function cell(place: tf.Tensor3D, size: number): [tf.Tensor3D, tf.Tensor3D] {
  const inside = tf.clipByValue(place, -1.5, size + 0.5);
  const before = tf.floor(inside);
  return [before, tf.sub(inside, before)];
}

/** Index of the first of each place's four pixels in the flattened map with its border. */
function indexOf(column: tf.Tensor3D, row: tf.Tensor3D, [batch, height, width, channels]: number[]): tf.Tensor1D {
  const across = width + 2 * BORDER;
  const size = (height + 2 * BORDER) * across;
  const pixel = tf.cast(tf.add(tf.mul(row, across), column), 'int32'); // exact: a map has far fewer than 2^24 pixels, all maps may have more
  const places = column.shape[1] as number;
  const starts = new Int32Array(batch * places * channels);
  for (let b = 0, i = 0; b < batch; b++) {
    for (let place = 0; place < places; place++) {
      for (let c = 0; c < channels; c++) starts[i++] = (b * size + BORDER * across + BORDER) * channels + c;
    }
  }
  const index = tf.add(tf.mul(pixel, tf.scalar(channels, 'int32')), tf.tensor(starts, column.shape, 'int32'));
  return tf.reshape(index, [-1]);
}

/** Map `[batch, height, width, channels]`, columns, rows and result `[batch, places, channels]`. */
const sample: (x: tf.Tensor4D, columns: tf.Tensor3D, rows: tf.Tensor3D) => tf.Tensor3D = tf.customGrad((...args) => {
  const [x, columns, rows, save] = args as unknown as [tf.Tensor4D, tf.Tensor3D, tf.Tensor3D, tf.GradSaveFunc];
  const { shape } = x;
  const [y, saved] = tf.tidy(() => {
    const [column, right] = cell(columns, shape[2]);
    const [row, down] = cell(rows, shape[1]);
    const index = indexOf(column, row, shape);
    const flat = tf.reshape(
      tf.pad(x, [
        [0, 0],
        [BORDER, BORDER],
        [BORDER, BORDER],
        [0, 0],
      ]),
      [-1],
    );
    const [here, beside, below, across] = cornersOf(shape).map((start) =>
      tf.reshape(tf.gather(flat, start === 0 ? index : tf.add(index, tf.scalar(start, 'int32'))), columns.shape),
    );
    const [slopeAbove, slopeBelow] = [tf.sub(beside, here), tf.sub(across, below)];
    const above = tf.add(here, tf.mul(right, slopeAbove));
    const slopeDown = tf.sub(tf.add(below, tf.mul(right, slopeBelow)), above);
    const slopeRight = tf.add(slopeAbove, tf.mul(down, tf.sub(slopeBelow, slopeAbove)));
    return [tf.add(above, tf.mul(down, slopeDown)), [index, right, down, slopeRight, slopeDown]];
  }) as unknown as [tf.Tensor3D, tf.Tensor[]];
  // index [batch · places · channels], the others [batch, places, channels]
  save(saved);
  const gradFunc = (dy: tf.Tensor3D, [index, right, down, slopeRight, slopeDown]: tf.Tensor[]) =>
    tf.tidy(() => {
      const both = tf.mul(right, down);
      const shares = [tf.add(tf.sub(tf.sub(1, right), down), both), tf.sub(right, both), tf.sub(down, both), both];
      const [batch, height, width, channels] = shape;
      const padded = [batch, height + 2 * BORDER, width + 2 * BORDER, channels];
      const size = tf.util.sizeFromShape(padded);
      const corners = cornersOf(shape);
      const ids = tf.concat(corners.map((start) => tf.add(index, tf.scalar(start, 'int32')))) as tf.Tensor1D;
      const parts = tf.concat(shares.map((share) => tf.reshape(tf.mul(dy, share), [-1])));
      const sum = tf.reshape(tf.unsortedSegmentSum(parts, ids, size), padded);
      return [tf.slice(sum, [0, BORDER, BORDER, 0], shape), tf.mul(dy, slopeRight), tf.mul(dy, slopeDown)];
    });
  return { value: y, gradFunc: gradFunc as never };
});
