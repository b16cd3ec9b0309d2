// Passes of Stockham's self-sorting Fourier transform over interleaved complex numbers (real, imaginary, real, …).
// A pass of radix r turns `stride` transforms of length r * m each into r * stride transforms of length m:
//   y[q + stride (r p + j)] = w^(p j) * sum over k of x[q + stride (p + m k)] * exp(-2 pi i j k / r),
//   w = exp(-2 pi i / (r m)),  q < stride,  p < m.
// Every input is read into a constant once: the engines do not merge two reads of one element. a … e are the r inputs
// of a group, b1 … b4 its results before the twiddle, r and i at the end of a name real and imaginary.

/** One pass: what `runPass` needs, made once. */
export type FftPass = {
  radix: number;
  /** Length of the transforms after this pass; 1 in the last. */
  m: number;
  stride: number;
  /** `w^(p j)` for p < m and 0 < j < radix, interleaved, j fastest. */
  twiddles: Float64Array;
  /** `exp(-2 pi i j / radix)`, interleaved; read by the radices without a routine of their own. */
  roots: Float64Array;
};

/** `exp(-2 pi i numerator / denominator)`, from an angle reduced first so that the last bit is right. */
export function rootOfUnity(numerator: number, denominator: number): [number, number] {
  const angle = (-2 * Math.PI * (numerator % denominator)) / denominator;
  return [Math.cos(angle), Math.sin(angle)];
}

/** The passes of a transform of `length` complex numbers, for `stride` of them side by side. */
export function planPasses(length: number, stride = 1): FftPass[] {
  const passes: FftPass[] = [];
  for (let rest = length; rest > 1; ) {
    const radix = smallestRadix(rest);
    const m = rest / radix;
    const twiddles = new Float64Array(2 * m * (radix - 1));
    for (let p = 0; p < m; p++) {
      for (let j = 1; j < radix; j++) twiddles.set(rootOfUnity(p * j, rest), 2 * (p * (radix - 1) + j - 1));
    }
    const roots = new Float64Array(2 * radix);
    for (let j = 0; j < radix; j++) roots.set(rootOfUnity(j, radix), 2 * j);
    passes.push({ radix, m, stride, twiddles, roots });
    stride *= radix;
    rest = m;
  }
  return passes;
}

function smallestRadix(length: number): number {
  for (const radix of [5, 4, 3, 2]) if (length % radix === 0) return radix;
  for (let radix = 7; radix * radix <= length; radix += 2) if (length % radix === 0) return radix;
  return length;
}

/** Runs one pass from `x` to `y`, which must be two arrays. */
export function runPass(pass: FftPass, x: Float64Array, y: Float64Array): void {
  if (pass.radix === 5) pass5(pass, x, y);
  else if (pass.radix === 4) pass4(pass, x, y);
  else passAny(pass, x, y);
}

function pass4({ m, stride, twiddles }: FftPass, x: Float64Array, y: Float64Array): void {
  const step = 2 * stride;
  const quarter = step * m;
  for (let p = 0, t = 0; p < m; p++, t += 6) {
    const w1r = twiddles[t];
    const w1i = twiddles[t + 1];
    const w2r = twiddles[t + 2];
    const w2i = twiddles[t + 3];
    const w3r = twiddles[t + 4];
    const w3i = twiddles[t + 5];
    const end = step * (p + 1);
    for (let i = step * p, o = 4 * i; i < end; i += 2, o += 2) {
      const i1 = i + quarter;
      const i2 = i1 + quarter;
      const i3 = i2 + quarter;
      const ar = x[i];
      const ai = x[i + 1];
      const br = x[i1];
      const bi = x[i1 + 1];
      const cr = x[i2];
      const ci = x[i2 + 1];
      const dr = x[i3];
      const di = x[i3 + 1];
      const sum02r = ar + cr;
      const sum02i = ai + ci;
      const dif02r = ar - cr;
      const dif02i = ai - ci;
      const sum13r = br + dr;
      const sum13i = bi + di;
      const dif13r = br - dr;
      const dif13i = bi - di;
      const b1r = dif02r + dif13i;
      const b1i = dif02i - dif13r;
      const b2r = sum02r - sum13r;
      const b2i = sum02i - sum13i;
      const b3r = dif02r - dif13i;
      const b3i = dif02i + dif13r;
      const o1 = o + step;
      const o2 = o1 + step;
      const o3 = o2 + step;
      y[o] = sum02r + sum13r;
      y[o + 1] = sum02i + sum13i;
      y[o1] = b1r * w1r - b1i * w1i;
      y[o1 + 1] = b1r * w1i + b1i * w1r;
      y[o2] = b2r * w2r - b2i * w2i;
      y[o2 + 1] = b2r * w2i + b2i * w2r;
      y[o3] = b3r * w3r - b3i * w3i;
      y[o3 + 1] = b3r * w3i + b3i * w3r;
    }
  }
}

/**
 * cos and sin of 2 pi / 5 and 4 pi / 5. Read into locals: bundlers make a module's constants variables, which is slow.
 */
const FIFTH = {
  cos1: Math.cos((2 * Math.PI) / 5),
  cos2: Math.cos((4 * Math.PI) / 5),
  sin1: Math.sin((2 * Math.PI) / 5),
  sin2: Math.sin((4 * Math.PI) / 5),
};

function pass5({ m, stride, twiddles }: FftPass, x: Float64Array, y: Float64Array): void {
  const { cos1, cos2, sin1, sin2 } = FIFTH;
  const step = 2 * stride;
  const fifth = step * m;
  plainGroups5(step, fifth, x, y);
  for (let p = 1, t = 8; p < m; p++, t += 8) {
    const w1r = twiddles[t];
    const w1i = twiddles[t + 1];
    const w2r = twiddles[t + 2];
    const w2i = twiddles[t + 3];
    const w3r = twiddles[t + 4];
    const w3i = twiddles[t + 5];
    const w4r = twiddles[t + 6];
    const w4i = twiddles[t + 7];
    const end = step * (p + 1);
    for (let i = step * p, o = 5 * i; i < end; i += 2, o += 2) {
      const i1 = i + fifth;
      const i2 = i1 + fifth;
      const i3 = i2 + fifth;
      const i4 = i3 + fifth;
      const ar = x[i];
      const ai = x[i + 1];
      const br = x[i1];
      const bi = x[i1 + 1];
      const cr = x[i2];
      const ci = x[i2 + 1];
      const dr = x[i3];
      const di = x[i3 + 1];
      const er = x[i4];
      const ei = x[i4 + 1];
      const sum14r = br + er;
      const sum14i = bi + ei;
      const dif14r = br - er;
      const dif14i = bi - ei;
      const sum23r = cr + dr;
      const sum23i = ci + di;
      const dif23r = cr - dr;
      const dif23i = ci - di;
      const even1r = ar + cos1 * sum14r + cos2 * sum23r;
      const even1i = ai + cos1 * sum14i + cos2 * sum23i;
      const even2r = ar + cos2 * sum14r + cos1 * sum23r;
      const even2i = ai + cos2 * sum14i + cos1 * sum23i;
      const odd1r = sin1 * dif14r + sin2 * dif23r;
      const odd1i = sin1 * dif14i + sin2 * dif23i;
      const odd2r = sin2 * dif14r - sin1 * dif23r;
      const odd2i = sin2 * dif14i - sin1 * dif23i;
      const b1r = even1r + odd1i;
      const b1i = even1i - odd1r;
      const b2r = even2r + odd2i;
      const b2i = even2i - odd2r;
      const b3r = even2r - odd2i;
      const b3i = even2i + odd2r;
      const b4r = even1r - odd1i;
      const b4i = even1i + odd1r;
      const o1 = o + step;
      const o2 = o1 + step;
      const o3 = o2 + step;
      const o4 = o3 + step;
      y[o] = ar + sum14r + sum23r;
      y[o + 1] = ai + sum14i + sum23i;
      y[o1] = b1r * w1r - b1i * w1i;
      y[o1 + 1] = b1r * w1i + b1i * w1r;
      y[o2] = b2r * w2r - b2i * w2i;
      y[o2 + 1] = b2r * w2i + b2i * w2r;
      y[o3] = b3r * w3r - b3i * w3i;
      y[o3 + 1] = b3r * w3i + b3i * w3r;
      y[o4] = b4r * w4r - b4i * w4i;
      y[o4 + 1] = b4r * w4i + b4i * w4r;
    }
  }
}

/** The groups of `pass5` with p = 0, whose twiddles are 1: all of the last pass, a fifth of the one before. */
function plainGroups5(step: number, fifth: number, x: Float64Array, y: Float64Array): void {
  const { cos1, cos2, sin1, sin2 } = FIFTH;
  for (let i = 0; i < step; i += 2) {
    const i1 = i + fifth;
    const i2 = i1 + fifth;
    const i3 = i2 + fifth;
    const i4 = i3 + fifth;
    const ar = x[i];
    const ai = x[i + 1];
    const br = x[i1];
    const bi = x[i1 + 1];
    const cr = x[i2];
    const ci = x[i2 + 1];
    const dr = x[i3];
    const di = x[i3 + 1];
    const er = x[i4];
    const ei = x[i4 + 1];
    const sum14r = br + er;
    const sum14i = bi + ei;
    const dif14r = br - er;
    const dif14i = bi - ei;
    const sum23r = cr + dr;
    const sum23i = ci + di;
    const dif23r = cr - dr;
    const dif23i = ci - di;
    const even1r = ar + cos1 * sum14r + cos2 * sum23r;
    const even1i = ai + cos1 * sum14i + cos2 * sum23i;
    const even2r = ar + cos2 * sum14r + cos1 * sum23r;
    const even2i = ai + cos2 * sum14i + cos1 * sum23i;
    const odd1r = sin1 * dif14r + sin2 * dif23r;
    const odd1i = sin1 * dif14i + sin2 * dif23i;
    const odd2r = sin2 * dif14r - sin1 * dif23r;
    const odd2i = sin2 * dif14i - sin1 * dif23i;
    const o1 = i + step;
    const o2 = o1 + step;
    const o3 = o2 + step;
    const o4 = o3 + step;
    y[i] = ar + sum14r + sum23r;
    y[i + 1] = ai + sum14i + sum23i;
    y[o1] = even1r + odd1i;
    y[o1 + 1] = even1i - odd1r;
    y[o2] = even2r + odd2i;
    y[o2 + 1] = even2i - odd2r;
    y[o3] = even2r - odd2i;
    y[o3 + 1] = even2i + odd2r;
    y[o4] = even1r - odd1i;
    y[o4 + 1] = even1i + odd1r;
  }
}

/** Any radix by the definition, radix^2 multiplications a group: for lengths off the fast path. */
function passAny({ radix, m, stride, twiddles, roots }: FftPass, x: Float64Array, y: Float64Array): void {
  for (let p = 0; p < m; p++) {
    for (let j = 0; j < radix; j++) {
      const t = 2 * (p * (radix - 1) + j - 1);
      const wr = j === 0 ? 1 : twiddles[t];
      const wi = j === 0 ? 0 : twiddles[t + 1];
      for (let q = 0; q < stride; q++) {
        let real = 0;
        let imaginary = 0;
        for (let k = 0; k < radix; k++) {
          const i = 2 * (q + stride * (p + m * k));
          const root = 2 * ((j * k) % radix);
          real += x[i] * roots[root] - x[i + 1] * roots[root + 1];
          imaginary += x[i] * roots[root + 1] + x[i + 1] * roots[root];
        }
        const o = 2 * (q + stride * (radix * p + j));
        y[o] = real * wr - imaginary * wi;
        y[o + 1] = real * wi + imaginary * wr;
      }
    }
  }
}
