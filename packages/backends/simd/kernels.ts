// AssemblyScript, compiled by build.mjs to src/simd-binary.ts. Works on the wasm backend's own memory: every pointer is a byte
// address in its heap. Nothing is allocated here; `scratch` is room that the caller lends, its size stands at each function.

/** Rows summed in float32 before they are added to a float64 total: keeps long sums as exact as float64 ones nearly are. */
const BLOCK: i32 = 32;

/** exp, Cephes' polynomial on [-ln 2 / 2, ln 2 / 2]; relative error 1e-7. */
// @ts-ignore: decorator
@inline
function exp4(value: v128): v128 {
  const x = f32x4.max(f32x4.min(value, f32x4.splat(88)), f32x4.splat(-87));
  const n = f32x4.nearest(f32x4.mul(x, f32x4.splat(1.44269504)));
  const r = f32x4.sub(f32x4.sub(x, f32x4.mul(n, f32x4.splat(0.693359375))), f32x4.mul(n, f32x4.splat(-2.12194440e-4)));
  let p = f32x4.splat(1.9875691500e-4);
  p = f32x4.add(f32x4.mul(p, r), f32x4.splat(1.3981999507e-3));
  p = f32x4.add(f32x4.mul(p, r), f32x4.splat(8.3334519073e-3));
  p = f32x4.add(f32x4.mul(p, r), f32x4.splat(4.1665795894e-2));
  p = f32x4.add(f32x4.mul(p, r), f32x4.splat(1.6666665459e-1));
  p = f32x4.add(f32x4.mul(p, r), f32x4.splat(5.0000001201e-1));
  p = f32x4.add(f32x4.add(f32x4.mul(p, f32x4.mul(r, r)), r), f32x4.splat(1));
  const power = i32x4.shl(i32x4.add(i32x4.trunc_sat_f32x4_s(n), i32x4.splat(127)), 23);
  return f32x4.mul(p, power);
}

// @ts-ignore: decorator
@inline
function sigmoid4(z: v128): v128 {
  return f32x4.div(f32x4.splat(1), f32x4.add(f32x4.splat(1), exp4(f32x4.neg(z))));
}

/** Adds float32 `from[count]` to float64 `to[count]` and clears `from`. */
// @ts-ignore: decorator
@inline
function flush(from: usize, to: usize, count: i32): void {
  for (let c = 0; c < count; c++) {
    const at = to + (<usize>c << 3);
    f64.store(at, f64.load(at) + <f64>f32.load(from + (<usize>c << 2)));
    f32.store(from + (<usize>c << 2), 0);
  }
}

/**
 * GroupNorm of the samples [first, last): see src/group-norm.ts. `channels` is a multiple of 4.
 * `scratch`: 24 bytes a channel.
 */
export function groupNorm(
  x: usize, gamma: usize, beta: usize, y: usize, statistics: usize, scratch: usize,
  first: i32, last: i32, positions: i32, channels: i32, groups: i32, epsilon: f64, silu: i32,
): void {
  const row = <usize>channels << 2;
  const sums = scratch; // f64
  const squares = sums + (row << 1); // f64
  const blockSums = squares + (row << 1); // f32, later the scale
  const blockSquares = blockSums + row; // f32, later the shift
  const width = channels / groups;
  const count = <f64>positions * <f64>width;
  for (let n = first; n < last; n++) {
    const sample = x + <usize>n * <usize>positions * row;
    memory.fill(scratch, 0, row * 6);
    // Moments around the sample's first row: a common offset then costs no digits.
    for (let from = 0; from < positions; from += BLOCK) {
      const to = min(positions, from + BLOCK);
      let at = sample + <usize>from * row;
      for (let p = from; p < to; p++) {
        for (let c: usize = 0; c < row; c += 16, at += 16) {
          const value = f32x4.sub(v128.load(at), v128.load(sample + c));
          v128.store(blockSums + c, f32x4.add(v128.load(blockSums + c), value));
          v128.store(blockSquares + c, f32x4.add(v128.load(blockSquares + c), f32x4.mul(value, value)));
        }
      }
      flush(blockSums, sums, channels);
      flush(blockSquares, squares, channels);
    }
    for (let g = 0; g < groups; g++) {
      let mean: f64 = 0;
      for (let c = g * width; c < (g + 1) * width; c++) {
        mean += f64.load(sums + (<usize>c << 3)) + <f64>positions * <f64>f32.load(sample + (<usize>c << 2));
      }
      mean /= count;
      let variance: f64 = 0;
      for (let c = g * width; c < (g + 1) * width; c++) {
        const shift = mean - <f64>f32.load(sample + (<usize>c << 2));
        variance += f64.load(squares + (<usize>c << 3)) - 2 * shift * f64.load(sums + (<usize>c << 3)) + <f64>positions * shift * shift;
      }
      const inverse = 1 / Math.sqrt(Math.max(0, variance / count) + epsilon);
      const at = statistics + (<usize>(n * groups + g) << 3);
      f32.store(at, <f32>mean);
      f32.store(at + 4, <f32>inverse);
      for (let c = g * width; c < (g + 1) * width; c++) {
        const offset = <usize>c << 2;
        const scale = <f64>f32.load(gamma + offset) * inverse;
        f32.store(blockSums + offset, <f32>scale);
        f32.store(blockSquares + offset, <f32>(<f64>f32.load(beta + offset) - mean * scale));
      }
    }
    let from = sample;
    let to = y + <usize>n * <usize>positions * row;
    for (let p = 0; p < positions; p++) {
      if (silu) {
        for (let c: usize = 0; c < row; c += 16, from += 16, to += 16) {
          const z = f32x4.add(f32x4.mul(v128.load(from), v128.load(blockSums + c)), v128.load(blockSquares + c));
          v128.store(to, f32x4.mul(z, sigmoid4(z)));
        }
      } else {
        for (let c: usize = 0; c < row; c += 16, from += 16, to += 16) {
          v128.store(to, f32x4.add(f32x4.mul(v128.load(from), v128.load(blockSums + c)), v128.load(blockSquares + c)));
        }
      }
    }
  }
}

/**
 * The gradient of GroupNorm for the samples [first, last): see src/group-norm-gradient.ts. Adds to `totals`, float64
 * [dgamma, dbeta], which the caller clears. `scratch`: 44 bytes a channel.
 */
export function groupNormGradient(
  x: usize, gamma: usize, beta: usize, statistics: usize, dy: usize, dx: usize, totals: usize, scratch: usize,
  first: i32, last: i32, positions: i32, channels: i32, groups: i32, silu: i32,
): void {
  const row = <usize>channels << 2;
  const sumU = scratch; // f64
  const sumUX = sumU + (row << 1); // f64
  const blockU = sumUX + (row << 1); // f32
  const blockUX = blockU + row; // f32
  const scale = blockUX + row; // f32, later the factor of u
  const shift = scale + row; // f32, later the factor of x
  const means = shift + row; // f32
  const constant = means + row; // f32
  const width = channels / groups;
  const count = <f64>positions * <f64>width;
  for (let n = first; n < last; n++) {
    const offset = <usize>n * <usize>positions * row;
    memory.fill(scratch, 0, row * 6);
    for (let c = 0; c < channels; c++) {
      const at = statistics + (<usize>(n * groups + c / width) << 3);
      const mean = <f64>f32.load(at);
      const factor = <f64>f32.load(gamma + (<usize>c << 2)) * <f64>f32.load(at + 4);
      f32.store(means + (<usize>c << 2), <f32>mean);
      f32.store(scale + (<usize>c << 2), <f32>factor);
      f32.store(shift + (<usize>c << 2), <f32>(<f64>f32.load(beta + (<usize>c << 2)) - mean * factor));
    }
    let atX = x + offset;
    let atDy = dy + offset;
    let atDx = dx + offset;
    for (let from = 0; from < positions; from += BLOCK) {
      const to = min(positions, from + BLOCK);
      for (let p = from; p < to; p++) {
        for (let c: usize = 0; c < row; c += 16, atX += 16, atDy += 16, atDx += 16) {
          const value = v128.load(atX);
          let u = v128.load(atDy);
          if (silu) {
            const z = f32x4.add(f32x4.mul(value, v128.load(scale + c)), v128.load(shift + c));
            const s = sigmoid4(z);
            const slope = f32x4.mul(s, f32x4.add(f32x4.splat(1), f32x4.mul(z, f32x4.sub(f32x4.splat(1), s))));
            u = f32x4.mul(u, slope);
            v128.store(atDx, u); // kept for the second pass
          }
          v128.store(blockU + c, f32x4.add(v128.load(blockU + c), u));
          const centred = f32x4.sub(value, v128.load(means + c));
          v128.store(blockUX + c, f32x4.add(v128.load(blockUX + c), f32x4.mul(u, centred)));
        }
      }
      flush(blockU, sumU, channels);
      flush(blockUX, sumUX, channels);
    }
    for (let g = 0; g < groups; g++) {
      const at = statistics + (<usize>(n * groups + g) << 3);
      const mean = <f64>f32.load(at);
      const r = <f64>f32.load(at + 4);
      let meanU: f64 = 0;
      let meanUH: f64 = 0;
      for (let c = g * width; c < (g + 1) * width; c++) {
        const u = f64.load(sumU + (<usize>c << 3));
        const uh = f64.load(sumUX + (<usize>c << 3)) * r;
        const weight = <f64>f32.load(gamma + (<usize>c << 2));
        const total = totals + (<usize>c << 3);
        f64.store(total, f64.load(total) + uh);
        f64.store(total + (row << 1), f64.load(total + (row << 1)) + u);
        meanU += weight * u;
        meanUH += weight * uh;
      }
      meanU /= count;
      meanUH /= count;
      for (let c = g * width; c < (g + 1) * width; c++) {
        const o = <usize>c << 2;
        f32.store(scale + o, <f32>(r * <f64>f32.load(gamma + o)));
        f32.store(shift + o, <f32>(-r * r * meanUH));
        f32.store(constant + o, <f32>(-r * meanU + r * r * meanUH * mean));
      }
    }
    atX = x + offset;
    atDx = dx + offset;
    let atU = silu ? atDx : dy + offset;
    for (let p = 0; p < positions; p++) {
      for (let c: usize = 0; c < row; c += 16, atX += 16, atU += 16, atDx += 16) {
        const first = f32x4.mul(v128.load(scale + c), v128.load(atU));
        const second = f32x4.mul(v128.load(shift + c), v128.load(atX));
        v128.store(atDx, f32x4.add(f32x4.add(first, second), v128.load(constant + c)));
      }
    }
  }
}

/** Sums of the columns of `x [rows, columns]`, columns a multiple of 4. `scratch`: 12 bytes a column. */
export function columnSums(x: usize, out: usize, scratch: usize, rows: i32, columns: i32): void {
  const row = <usize>columns << 2;
  const block = scratch + (row << 1);
  memory.fill(scratch, 0, row * 3);
  let at = x;
  for (let from = 0; from < rows; from += BLOCK) {
    const to = min(rows, from + BLOCK);
    for (let r = from; r < to; r++) {
      for (let c: usize = 0; c < row; c += 16, at += 16) v128.store(block + c, f32x4.add(v128.load(block + c), v128.load(at)));
    }
    flush(block, scratch, columns);
  }
  for (let c = 0; c < columns; c++) f32.store(out + (<usize>c << 2), <f32>f64.load(scratch + (<usize>c << 3)));
}

/** Output positions in one pass of `filterGradient`: their cache lines of x and dy fit the first-level cache. */
const POSITIONS: i32 = 256;

/**
 * The filter gradient of a convolution for the input channels [firstChannel, lastChannel): see src/conv2d-filter-gradient.ts.
 * `outChannels` and `firstChannel` are multiples of 4. Overwrites its part of `out [filterHeight, filterWidth, in, out]`.
 */
export function filterGradient(
  x: usize, dy: usize, out: usize, batch: i32,
  inHeight: i32, inWidth: i32, inChannels: i32, outHeight: i32, outWidth: i32, outChannels: i32,
  filterHeight: i32, filterWidth: i32, strideHeight: i32, strideWidth: i32, top: i32, left: i32,
  firstChannel: i32, lastChannel: i32,
): void {
  const rows = batch * outHeight;
  const rowsAtOnce = max(1, POSITIONS / outWidth);
  for (let i = 0; i < filterHeight * filterWidth; i++) {
    const length = <usize>(lastChannel - firstChannel) * <usize>outChannels << 2;
    memory.fill(out + (<usize>(i * inChannels + firstChannel) * <usize>outChannels << 2), 0, length);
  }
  for (let firstRow = 0; firstRow < rows; firstRow += rowsAtOnce) {
    const lastRow = min(rows, firstRow + rowsAtOnce);
    for (let i = 0; i < filterHeight; i++) {
      for (let j = 0; j < filterWidth; j++) {
        // Output columns whose input column lies inside the picture.
        const low = min(outWidth, left > j ? (left - j + strideWidth - 1) / strideWidth : 0);
        const reach = inWidth - 1 + left - j;
        const high = reach < 0 ? 0 : min(outWidth, reach / strideWidth + 1);
        if (high <= low) continue;
        const tap = out + (<usize>(i * filterWidth + j) * <usize>inChannels * <usize>outChannels << 2);
        const column = low * strideWidth + j - left;
        for (let k = 0; k < outChannels; k += 8) {
          const wide = k + 8 <= outChannels;
          for (let c = firstChannel; c < lastChannel; ) {
            const four = c + 4 <= lastChannel;
            const at = tap + (<usize>(c * outChannels + k) << 2);
            const atDy = dy + (<usize>(low * outChannels + k) << 2);
            const atX = x + (<usize>(column * inChannels + c) << 2);
            if (four && wide) {
              patch4x8(atX, atDy, at, firstRow, lastRow, i, high - low, inHeight, inWidth, inChannels, outHeight, outWidth, outChannels, strideHeight, strideWidth, top);
            } else {
              const channels = four ? 4 : 1;
              for (let d = 0; d < channels; d++) {
                for (let half = 0, halves = wide ? 2 : 1; half < halves; half++) {
                  patch1x4(
                    atX + (<usize>d << 2), atDy + (<usize>half << 4), at + (<usize>(d * outChannels) << 2) + (<usize>half << 4),
                    firstRow, lastRow, i, high - low, inHeight, inWidth, inChannels, outHeight, outWidth, outChannels, strideHeight, strideWidth, top,
                  );
                }
              }
            }
            c += four ? 4 : 1;
          }
        }
      }
    }
  }
}

/** Four input by eight output channels of one filter tap, over some rows of output positions. */
function patch4x8(
  x: usize, dy: usize, out: usize, firstRow: i32, lastRow: i32, tapRow: i32, columns: i32,
  inHeight: i32, inWidth: i32, inChannels: i32, outHeight: i32, outWidth: i32, outChannels: i32, strideHeight: i32, strideWidth: i32, top: i32,
): void {
  const next = <usize>outChannels << 2;
  const stepX = <usize>(strideWidth * inChannels) << 2;
  const stepDy = <usize>outChannels << 2;
  let a0 = v128.load(out), a1 = v128.load(out + 16);
  let b0 = v128.load(out + next), b1 = v128.load(out + next + 16);
  let c0 = v128.load(out + 2 * next), c1 = v128.load(out + 2 * next + 16);
  let d0 = v128.load(out + 3 * next), d1 = v128.load(out + 3 * next + 16);
  let n = firstRow / outHeight;
  let y = firstRow - n * outHeight;
  for (let r = firstRow; r < lastRow; r++) {
    const row = y * strideHeight + tapRow - top;
    if (row >= 0 && row < inHeight) {
      let atX = x + (<usize>((n * inHeight + row) * inWidth * inChannels) << 2);
      let atDy = dy + (<usize>(r * outWidth * outChannels) << 2);
      for (let q = columns; q > 0; q--) {
        const g0 = v128.load(atDy);
        const g1 = v128.load(atDy, 16);
        let v = v128.load32_splat(atX);
        a0 = f32x4.add(a0, f32x4.mul(v, g0));
        a1 = f32x4.add(a1, f32x4.mul(v, g1));
        v = v128.load32_splat(atX, 4);
        b0 = f32x4.add(b0, f32x4.mul(v, g0));
        b1 = f32x4.add(b1, f32x4.mul(v, g1));
        v = v128.load32_splat(atX, 8);
        c0 = f32x4.add(c0, f32x4.mul(v, g0));
        c1 = f32x4.add(c1, f32x4.mul(v, g1));
        v = v128.load32_splat(atX, 12);
        d0 = f32x4.add(d0, f32x4.mul(v, g0));
        d1 = f32x4.add(d1, f32x4.mul(v, g1));
        atX += stepX;
        atDy += stepDy;
      }
    }
    if (++y == outHeight) {
      y = 0;
      n++;
    }
  }
  v128.store(out, a0);
  v128.store(out + 16, a1);
  v128.store(out + next, b0);
  v128.store(out + next + 16, b1);
  v128.store(out + 2 * next, c0);
  v128.store(out + 2 * next + 16, c1);
  v128.store(out + 3 * next, d0);
  v128.store(out + 3 * next + 16, d1);
}

/** One input by four output channels: what the blocks of four and eight leave over. */
function patch1x4(
  x: usize, dy: usize, out: usize, firstRow: i32, lastRow: i32, tapRow: i32, columns: i32,
  inHeight: i32, inWidth: i32, inChannels: i32, outHeight: i32, outWidth: i32, outChannels: i32, strideHeight: i32, strideWidth: i32, top: i32,
): void {
  const stepX = <usize>(strideWidth * inChannels) << 2;
  const stepDy = <usize>outChannels << 2;
  let sum = v128.load(out);
  let n = firstRow / outHeight;
  let y = firstRow - n * outHeight;
  for (let r = firstRow; r < lastRow; r++) {
    const row = y * strideHeight + tapRow - top;
    if (row >= 0 && row < inHeight) {
      let atX = x + (<usize>((n * inHeight + row) * inWidth * inChannels) << 2);
      let atDy = dy + (<usize>(r * outWidth * outChannels) << 2);
      for (let q = columns; q > 0; q--) {
        sum = f32x4.add(sum, f32x4.mul(v128.load32_splat(atX), v128.load(atDy)));
        atX += stepX;
        atDy += stepDy;
      }
    }
    if (++y == outHeight) {
      y = 0;
      n++;
    }
  }
  v128.store(out, sum);
}
