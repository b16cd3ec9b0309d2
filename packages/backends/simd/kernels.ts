// AssemblyScript, compiled by build.mjs to src/simd-binary.ts. Works on the wasm backend's own memory: every pointer is a byte
// address in its heap. Nothing is allocated here; `scratch` is room that the caller lends, its size stands at each function.

/** Rows summed in float32 before they are added to a float64 total: keeps long sums as exact as float64 ones nearly are. */
const BLOCK: i32 = 64;

/** exp, Cephes' polynomial on [-ln 2 / 2, ln 2 / 2]; relative error 1e-7. */
// @ts-ignore: decorator
@inline
function exp4(value: v128): v128 {
  const x = f32x4.pmax(f32x4.pmin(value, f32x4.splat(88)), f32x4.splat(-87));
  // Adding 1.5 · 2^23 rounds to a whole number, which then stands in the lowest bits.
  const shifted = f32x4.add(f32x4.mul(x, f32x4.splat(1.44269504)), f32x4.splat(12582912));
  const n = f32x4.sub(shifted, f32x4.splat(12582912));
  const r = f32x4.sub(f32x4.sub(x, f32x4.mul(n, f32x4.splat(0.693359375))), f32x4.mul(n, f32x4.splat(-2.12194440e-4)));
  let p = f32x4.splat(1.9875691500e-4);
  p = f32x4.add(f32x4.mul(p, r), f32x4.splat(1.3981999507e-3));
  p = f32x4.add(f32x4.mul(p, r), f32x4.splat(8.3334519073e-3));
  p = f32x4.add(f32x4.mul(p, r), f32x4.splat(4.1665795894e-2));
  p = f32x4.add(f32x4.mul(p, r), f32x4.splat(1.6666665459e-1));
  p = f32x4.add(f32x4.mul(p, r), f32x4.splat(5.0000001201e-1));
  p = f32x4.add(f32x4.add(f32x4.mul(p, f32x4.mul(r, r)), r), f32x4.splat(1));
  return i32x4.add(p, i32x4.shl(shifted, 23)); // times 2^n: n into the exponent
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

/** Numbers of x and dy in one pass of `filterGradient`: they fit the first-level cache. */
const PASS: i32 = 12288;

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
  const rowsAtOnce = max(1, PASS / (inChannels + outChannels) / outWidth);
  for (let i = 0; i < filterHeight * filterWidth; i++) {
    const length = <usize>(lastChannel - firstChannel) * <usize>outChannels << 2;
    memory.fill(out + (<usize>(i * inChannels + firstChannel) * <usize>outChannels << 2), 0, length);
  }
  for (let firstRow = 0; firstRow < rows; firstRow += rowsAtOnce) {
    const lastRow = min(rows, firstRow + rowsAtOnce);
    for (let i = 0; i < filterHeight; i++) {
      for (let j = 0; j < filterWidth; j++) {
        // Output columns whose input column lies inside the input.
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

// Winograd's F(2x2, 3x3) for 3x3 convolutions with stride 1: 16 multiplications where the definition takes 36.
// A tile is 2x2 output positions and the 4x4 input positions they see. With `d` a tile's input, `g` the filter, `m` their
// product and `y` its output: y = Aᵀ [(G g Gᵀ) ⊙ (Bᵀ d B)] A, and backwards dg = Gᵀ [(A dy Aᵀ) ⊙ (Bᵀ d B)] G, with
//   Bᵀ = 1  0 -1  0    G = 1    0    0     Aᵀ = 1  1  1  0
//        0  1  1  0        1/2  1/2  1/2        0  1 -1 -1
//        0 -1  1  0        1/2 -1/2  1/2
//        0  1  0 -1        0    0    1
// Source: Lavin and Gray, Fast Algorithms for Convolutional Neural Networks (2015).

// @ts-ignore: decorator
@inline
function pixel(at: usize, inside: bool, row: i32, column: i32, height: i32, width: i32): v128 {
  return inside || (row >= 0 && row < height && column >= 0 && column < width) ? v128.load(at) : f32x4.splat(0);
}

/** Bᵀ d B of the tiles [first, first + count), to `v [16][room][channels]`. `tilesHigh` by `tilesWide` tiles a sample. */
function transformInput(
  x: usize, v: usize, first: i32, count: i32, room: i32, height: i32, width: i32, channels: i32,
  tilesHigh: i32, tilesWide: i32, top: i32, left: i32,
): void {
  const pixelBytes = <usize>channels << 2;
  const rowBytes = <usize>(width * channels) << 2;
  const plane = <usize>(room * channels) << 2;
  for (let t = 0; t < count; t++) {
    const tile = first + t;
    const column = (tile % tilesWide) * 2 - left;
    const above = tile / tilesWide;
    const row = (above % tilesHigh) * 2 - top;
    const n = above / tilesHigh;
    const inside = row >= 0 && column >= 0 && row + 4 <= height && column + 4 <= width;
    const start = x + (<usize>(((n * height + row) * width + column) * channels) << 2);
    let to = v + (<usize>(t * channels) << 2);
    for (let c: usize = 0; c < pixelBytes; c += 16, to += 16) {
      let at = start + c;
      let d0 = pixel(at, inside, row, column, height, width);
      let d1 = pixel(at + rowBytes, inside, row + 1, column, height, width);
      let d2 = pixel(at + 2 * rowBytes, inside, row + 2, column, height, width);
      let d3 = pixel(at + 3 * rowBytes, inside, row + 3, column, height, width);
      const a0 = f32x4.sub(d0, d2), a1 = f32x4.add(d1, d2), a2 = f32x4.sub(d2, d1), a3 = f32x4.sub(d1, d3);
      at += pixelBytes;
      d0 = pixel(at, inside, row, column + 1, height, width);
      d1 = pixel(at + rowBytes, inside, row + 1, column + 1, height, width);
      d2 = pixel(at + 2 * rowBytes, inside, row + 2, column + 1, height, width);
      d3 = pixel(at + 3 * rowBytes, inside, row + 3, column + 1, height, width);
      const b0 = f32x4.sub(d0, d2), b1 = f32x4.add(d1, d2), b2 = f32x4.sub(d2, d1), b3 = f32x4.sub(d1, d3);
      at += pixelBytes;
      d0 = pixel(at, inside, row, column + 2, height, width);
      d1 = pixel(at + rowBytes, inside, row + 1, column + 2, height, width);
      d2 = pixel(at + 2 * rowBytes, inside, row + 2, column + 2, height, width);
      d3 = pixel(at + 3 * rowBytes, inside, row + 3, column + 2, height, width);
      const c0 = f32x4.sub(d0, d2), c1 = f32x4.add(d1, d2), c2 = f32x4.sub(d2, d1), c3 = f32x4.sub(d1, d3);
      at += pixelBytes;
      d0 = pixel(at, inside, row, column + 3, height, width);
      d1 = pixel(at + rowBytes, inside, row + 1, column + 3, height, width);
      d2 = pixel(at + 2 * rowBytes, inside, row + 2, column + 3, height, width);
      d3 = pixel(at + 3 * rowBytes, inside, row + 3, column + 3, height, width);
      storeTransformed(to, plane, a0, b0, c0, f32x4.sub(d0, d2));
      storeTransformed(to + 4 * plane, plane, a1, b1, c1, f32x4.add(d1, d2));
      storeTransformed(to + 8 * plane, plane, a2, b2, c2, f32x4.sub(d2, d1));
      storeTransformed(to + 12 * plane, plane, a3, b3, c3, f32x4.sub(d1, d3));
    }
  }
}

// @ts-ignore: decorator
@inline
function storeTransformed(to: usize, plane: usize, a: v128, b: v128, c: v128, d: v128): void {
  v128.store(to, f32x4.sub(a, c));
  v128.store(to + plane, f32x4.add(b, c));
  v128.store(to + 2 * plane, f32x4.sub(c, b));
  v128.store(to + 3 * plane, f32x4.sub(b, d));
}

/** G g Gᵀ of `w [3, 3, in, out]`, to `u [16][out / 8][in][8]`, for the input channels [first, last). `outChannels`: a multiple of 8. */
export function winogradFilter(w: usize, u: usize, inChannels: i32, outChannels: i32, first: i32, last: i32): void {
  const tap = <usize>(inChannels * outChannels) << 2;
  const half = f32x4.splat(0.5);
  for (let c = first; c < last; c++) {
    for (let k = 0; k < outChannels; k += 4) {
      const at = w + (<usize>(c * outChannels + k) << 2);
      const to = u + (<usize>(((k >> 3) * inChannels + c) * 8 + (k & 4)) << 2);
      for (let j: usize = 0; j < 4; j++) {
        // Column j of G g Gᵀ: the three rows of g, each times row j of G.
        const g0 = filterColumn(at, tap, j, half);
        const g1 = filterColumn(at + 3 * tap, tap, j, half);
        const g2 = filterColumn(at + 6 * tap, tap, j, half);
        const ends = f32x4.add(g0, g2);
        v128.store(to + j * tap, g0);
        v128.store(to + (4 + j) * tap, f32x4.mul(half, f32x4.add(ends, g1)));
        v128.store(to + (8 + j) * tap, f32x4.mul(half, f32x4.sub(ends, g1)));
        v128.store(to + (12 + j) * tap, g2);
      }
    }
  }
}

// @ts-ignore: decorator
@inline
function filterColumn(at: usize, tap: usize, j: usize, half: v128): v128 {
  if (j == 0) return v128.load(at);
  if (j == 3) return v128.load(at + 2 * tap);
  const ends = f32x4.add(v128.load(at), v128.load(at + 2 * tap));
  const middle = v128.load(at + tap);
  return f32x4.mul(half, j == 1 ? f32x4.add(ends, middle) : f32x4.sub(ends, middle));
}

/**
 * The convolution of the samples [firstSample, lastSample) with a filter that `winogradFilter` has transformed.
 * `inChannels` is a multiple of 4, `outChannels` of 8. `scratch`: 16 · room · (in + out) numbers, room a multiple of 4.
 */
export function winogradConvolve(
  x: usize, u: usize, y: usize, scratch: usize, room: i32, firstSample: i32, lastSample: i32,
  inHeight: i32, inWidth: i32, inChannels: i32, outHeight: i32, outWidth: i32, outChannels: i32, top: i32, left: i32,
): void {
  const tilesHigh = (outHeight + 1) >> 1;
  const tilesWide = (outWidth + 1) >> 1;
  const end = lastSample * tilesHigh * tilesWide;
  const v = scratch;
  const m = v + (<usize>(16 * room * inChannels) << 2);
  const stepV = <usize>inChannels << 2;
  const stepM = <usize>outChannels << 2;
  for (let first = firstSample * tilesHigh * tilesWide; first < end; first += room) {
    const count = min(room, end - first);
    transformInput(x, v, first, count, room, inHeight, inWidth, inChannels, tilesHigh, tilesWide, top, left);
    for (let e = 0; e < 16; e++) {
      const planeV = v + (<usize>(e * room * inChannels) << 2);
      const planeM = m + (<usize>(e * room * outChannels) << 2);
      for (let k = 0; k < outChannels; k += 8) {
        const block = u + (<usize>((e * outChannels + k) * inChannels) << 2);
        // The last rows may belong to no tile; what is computed there is not used.
        for (let t = 0; t < count; t += 4) {
          multiply4x8(planeV + <usize>t * stepV, stepV, block, planeM + <usize>t * stepM + (<usize>k << 2), stepM, inChannels);
        }
      }
    }
    transformOutput(m, y, first, count, room, outHeight, outWidth, outChannels, tilesHigh, tilesWide);
  }
}

/** Four rows of `a [4, inner]` times `b [inner, 8]`, to four rows of eight. */
function multiply4x8(a: usize, stepA: usize, b: usize, out: usize, stepOut: usize, inner: i32): void {
  const r1 = a + stepA;
  const r2 = r1 + stepA;
  const r3 = r2 + stepA;
  let a0 = f32x4.splat(0), a1 = a0, b0 = a0, b1 = a0, c0 = a0, c1 = a0, d0 = a0, d1 = a0;
  for (let i: usize = 0, end = <usize>inner << 2; i < end; i += 4, b += 32) {
    const g0 = v128.load(b);
    const g1 = v128.load(b, 16);
    let s = v128.load32_splat(a + i);
    a0 = f32x4.add(a0, f32x4.mul(s, g0));
    a1 = f32x4.add(a1, f32x4.mul(s, g1));
    s = v128.load32_splat(r1 + i);
    b0 = f32x4.add(b0, f32x4.mul(s, g0));
    b1 = f32x4.add(b1, f32x4.mul(s, g1));
    s = v128.load32_splat(r2 + i);
    c0 = f32x4.add(c0, f32x4.mul(s, g0));
    c1 = f32x4.add(c1, f32x4.mul(s, g1));
    s = v128.load32_splat(r3 + i);
    d0 = f32x4.add(d0, f32x4.mul(s, g0));
    d1 = f32x4.add(d1, f32x4.mul(s, g1));
  }
  v128.store(out, a0);
  v128.store(out, a1, 16);
  out += stepOut;
  v128.store(out, b0);
  v128.store(out, b1, 16);
  out += stepOut;
  v128.store(out, c0);
  v128.store(out, c1, 16);
  out += stepOut;
  v128.store(out, d0);
  v128.store(out, d1, 16);
}

/** Aᵀ m A of some tiles, to their places in `y`. */
function transformOutput(
  m: usize, y: usize, first: i32, count: i32, room: i32, height: i32, width: i32, channels: i32, tilesHigh: i32, tilesWide: i32,
): void {
  const pixelBytes = <usize>channels << 2;
  const plane = <usize>(room * channels) << 2;
  for (let t = 0; t < count; t++) {
    const tile = first + t;
    const column = (tile % tilesWide) * 2;
    const above = tile / tilesWide;
    const row = (above % tilesHigh) * 2;
    const n = above / tilesHigh;
    const second = column + 1 < width;
    const below = row + 1 < height;
    const start = y + (<usize>(((n * height + row) * width + column) * channels) << 2);
    const next = start + (<usize>(width * channels) << 2);
    const from = m + (<usize>(t * channels) << 2);
    for (let c: usize = 0; c < pixelBytes; c += 16) {
      const at = from + c;
      const a0 = upperSum(at, plane), a1 = lowerSum(at, plane);
      const b0 = upperSum(at + plane, plane), b1 = lowerSum(at + plane, plane);
      const c0 = upperSum(at + 2 * plane, plane), c1 = lowerSum(at + 2 * plane, plane);
      const d0 = upperSum(at + 3 * plane, plane), d1 = lowerSum(at + 3 * plane, plane);
      v128.store(start + c, f32x4.add(f32x4.add(a0, b0), c0));
      if (second) v128.store(start + c + pixelBytes, f32x4.sub(f32x4.sub(b0, c0), d0));
      if (below) {
        v128.store(next + c, f32x4.add(f32x4.add(a1, b1), c1));
        if (second) v128.store(next + c + pixelBytes, f32x4.sub(f32x4.sub(b1, c1), d1));
      }
    }
  }
}

// @ts-ignore: decorator
@inline
function upperSum(at: usize, plane: usize): v128 {
  return f32x4.add(f32x4.add(v128.load(at), v128.load(at + 4 * plane)), v128.load(at + 8 * plane));
}

// @ts-ignore: decorator
@inline
function lowerSum(at: usize, plane: usize): v128 {
  return f32x4.sub(f32x4.sub(v128.load(at + 4 * plane), v128.load(at + 8 * plane)), v128.load(at + 12 * plane));
}

/**
 * Adds what the samples [firstSample, lastSample) give to the transformed filter gradient `s [16][in][out]`. Channels and
 * `scratch` as in `winogradConvolve`.
 */
export function winogradGather(
  x: usize, dy: usize, s: usize, scratch: usize, room: i32, firstSample: i32, lastSample: i32,
  inHeight: i32, inWidth: i32, inChannels: i32, outHeight: i32, outWidth: i32, outChannels: i32, top: i32, left: i32,
): void {
  const tilesHigh = (outHeight + 1) >> 1;
  const tilesWide = (outWidth + 1) >> 1;
  const end = lastSample * tilesHigh * tilesWide;
  const v = scratch;
  const d = v + (<usize>(16 * room * inChannels) << 2);
  const stepV = <usize>inChannels << 2;
  const stepD = <usize>outChannels << 2;
  for (let first = firstSample * tilesHigh * tilesWide; first < end; first += room) {
    const count = min(room, end - first);
    transformInput(x, v, first, count, room, inHeight, inWidth, inChannels, tilesHigh, tilesWide, top, left);
    transformGradient(dy, d, first, count, room, outHeight, outWidth, outChannels, tilesHigh, tilesWide);
    for (let e = 0; e < 16; e++) {
      const planeV = v + (<usize>(e * room * inChannels) << 2);
      const planeD = d + (<usize>(e * room * outChannels) << 2);
      for (let c = 0; c < inChannels; c += 4) {
        for (let k = 0; k < outChannels; k += 8) {
          const to = s + (<usize>((e * inChannels + c) * outChannels + k) << 2);
          gather4x8(planeV + (<usize>c << 2), stepV, planeD + (<usize>k << 2), stepD, to, stepD, count);
        }
      }
    }
  }
}

/** Adds `aᵀ · b` to four rows of eight, `a [rows, 4]`, `b [rows, 8]`. */
function gather4x8(a: usize, stepA: usize, b: usize, stepB: usize, out: usize, stepOut: usize, rows: i32): void {
  const o1 = out + stepOut;
  const o2 = o1 + stepOut;
  const o3 = o2 + stepOut;
  let a0 = v128.load(out), a1 = v128.load(out, 16);
  let b0 = v128.load(o1), b1 = v128.load(o1, 16);
  let c0 = v128.load(o2), c1 = v128.load(o2, 16);
  let d0 = v128.load(o3), d1 = v128.load(o3, 16);
  for (let r = rows; r > 0; r--, a += stepA, b += stepB) {
    const g0 = v128.load(b);
    const g1 = v128.load(b, 16);
    let s = v128.load32_splat(a);
    a0 = f32x4.add(a0, f32x4.mul(s, g0));
    a1 = f32x4.add(a1, f32x4.mul(s, g1));
    s = v128.load32_splat(a, 4);
    b0 = f32x4.add(b0, f32x4.mul(s, g0));
    b1 = f32x4.add(b1, f32x4.mul(s, g1));
    s = v128.load32_splat(a, 8);
    c0 = f32x4.add(c0, f32x4.mul(s, g0));
    c1 = f32x4.add(c1, f32x4.mul(s, g1));
    s = v128.load32_splat(a, 12);
    d0 = f32x4.add(d0, f32x4.mul(s, g0));
    d1 = f32x4.add(d1, f32x4.mul(s, g1));
  }
  v128.store(out, a0);
  v128.store(out, a1, 16);
  v128.store(o1, b0);
  v128.store(o1, b1, 16);
  v128.store(o2, c0);
  v128.store(o2, c1, 16);
  v128.store(o3, d0);
  v128.store(o3, d1, 16);
}

/** A dy Aᵀ of some tiles, to `d [16][room][channels]`. */
function transformGradient(
  dy: usize, d: usize, first: i32, count: i32, room: i32, height: i32, width: i32, channels: i32, tilesHigh: i32, tilesWide: i32,
): void {
  const pixelBytes = <usize>channels << 2;
  const plane = <usize>(room * channels) << 2;
  const zero = f32x4.splat(0);
  for (let t = 0; t < count; t++) {
    const tile = first + t;
    const column = (tile % tilesWide) * 2;
    const above = tile / tilesWide;
    const row = (above % tilesHigh) * 2;
    const n = above / tilesHigh;
    const second = column + 1 < width;
    const below = row + 1 < height;
    const start = dy + (<usize>(((n * height + row) * width + column) * channels) << 2);
    const next = start + (<usize>(width * channels) << 2);
    let to = d + (<usize>(t * channels) << 2);
    for (let c: usize = 0; c < pixelBytes; c += 16, to += 16) {
      const a = v128.load(start + c);
      const b = second ? v128.load(start + c + pixelBytes) : zero;
      const e = below ? v128.load(next + c) : zero;
      const f = below && second ? v128.load(next + c + pixelBytes) : zero;
      storeSpread(to, plane, a, b);
      storeSpread(to + 4 * plane, plane, f32x4.add(a, e), f32x4.add(b, f));
      storeSpread(to + 8 * plane, plane, f32x4.sub(a, e), f32x4.sub(b, f));
      storeSpread(to + 12 * plane, plane, f32x4.neg(e), f32x4.neg(f));
    }
  }
}

// @ts-ignore: decorator
@inline
function storeSpread(to: usize, plane: usize, a: v128, b: v128): void {
  v128.store(to, a);
  v128.store(to + plane, f32x4.add(a, b));
  v128.store(to + 2 * plane, f32x4.sub(a, b));
  v128.store(to + 3 * plane, f32x4.neg(b));
}

/** Gᵀ s G of `count` parts of `s [16][in][out]` added together, to `out [3, 3, in, out]`, for the numbers [first, last) of a tap. */
export function winogradFilterGradient(s: usize, out: usize, parts: i32, inChannels: i32, outChannels: i32, first: i32, last: i32): void {
  const tap = <usize>(inChannels * outChannels) << 2;
  const half = f32x4.splat(0.5);
  for (let p = 1; p < parts; p++) {
    const part = s + 16 * tap * <usize>p;
    for (let e: usize = 0; e < 16; e++) {
      for (let i = <usize>first << 2, end = <usize>last << 2; i < end; i += 16) {
        const at = s + e * tap + i;
        v128.store(at, f32x4.add(v128.load(at), v128.load(part + e * tap + i)));
      }
    }
  }
  for (let i = <usize>first << 2, end = <usize>last << 2; i < end; i += 16) {
    for (let j: usize = 0; j < 3; j++) {
      const to = out + j * tap + i;
      const r0 = gradientColumn(s + i, tap, j, half);
      const r1 = gradientColumn(s + i + 4 * tap, tap, j, half);
      const r2 = gradientColumn(s + i + 8 * tap, tap, j, half);
      const r3 = gradientColumn(s + i + 12 * tap, tap, j, half);
      const both = f32x4.mul(half, f32x4.add(r1, r2));
      v128.store(to, f32x4.add(r0, both));
      v128.store(to + 3 * tap, f32x4.mul(half, f32x4.sub(r1, r2)));
      v128.store(to + 6 * tap, f32x4.add(both, r3));
    }
  }
}

/** Column j of a row of s times G. */
// @ts-ignore: decorator
@inline
function gradientColumn(at: usize, tap: usize, j: usize, half: v128): v128 {
  const s1 = v128.load(at + tap);
  const s2 = v128.load(at + 2 * tap);
  if (j == 1) return f32x4.mul(half, f32x4.sub(s1, s2));
  const both = f32x4.mul(half, f32x4.add(s1, s2));
  return f32x4.add(j == 0 ? v128.load(at) : v128.load(at + 3 * tap), both);
}

/**
 * One AdamW step of the numbers [first, last), both multiples of 4: see src/adam-w.ts. Takes 1 - β1 and 1 - β2; writes to tensors of their own.
 */
export function adamW(
  parameter: usize, gradient: usize, first: usize, second: usize, newParameter: usize, newFirst: usize, newSecond: usize,
  keep1: f32, keep2: f32, epsilon: f32, step: f32, decay: f32, from: i32, to: i32,
): void {
  const end = <usize>to << 2;
  for (let at = <usize>from << 2; at < end; at += 16) {
    const g = v128.load(gradient + at);
    const m = v128.load(first + at);
    const v = v128.load(second + at);
    const mean = f32x4.add(m, f32x4.mul(f32x4.sub(g, m), f32x4.splat(keep1)));
    const square = f32x4.add(v, f32x4.mul(f32x4.sub(f32x4.mul(g, g), v), f32x4.splat(keep2)));
    const change = f32x4.div(mean, f32x4.add(f32x4.sqrt(square), f32x4.splat(epsilon)));
    v128.store(newFirst + at, mean);
    v128.store(newSecond + at, square);
    v128.store(newParameter + at, f32x4.sub(f32x4.mul(v128.load(parameter + at), f32x4.splat(decay)), f32x4.mul(change, f32x4.splat(step))));
  }
}

/** The sum of squares of `count` numbers, in float64. */
export function sumOfSquares(x: usize, count: i32): f64 {
  let low = f64x2.splat(0);
  let high = f64x2.splat(0);
  const whole = <usize>(count & ~3) << 2;
  for (let at: usize = 0; at < whole; at += 16) {
    const value = v128.load(x + at);
    const first = f64x2.promote_low_f32x4(value);
    const second = f64x2.promote_low_f32x4(i32x4.shuffle(value, value, 2, 3, 0, 1));
    low = f64x2.add(low, f64x2.mul(first, first));
    high = f64x2.add(high, f64x2.mul(second, second));
  }
  const sums = f64x2.add(low, high);
  let sum = f64x2.extract_lane(sums, 0) + f64x2.extract_lane(sums, 1);
  for (let i = count & ~3; i < count; i++) {
    const value = <f64>f32.load(x + (<usize>i << 2));
    sum += value * value;
  }
  return sum;
}
