/** Read into locals: bundlers make a module's constants variables, which is slow. */
const EIGHTH = { cos: Math.cos(Math.PI / 8), sin: Math.sin(Math.PI / 8), halfRoot: Math.SQRT1_2 };

/**
 * `order.length / 16` Fourier transforms of 16 complex numbers each, of a real signal under a window:
 * `out[16 t + k] = sum over n of z[order[16 t + n]] * exp(-2 pi i n k / 16)`, where `z[p]` is
 * `signal[offset + p] * window[p] + i * signal[offset + p + 1] * window[p + 1]`.
 *
 * Written out as four columns and four rows of four so that the sixteen numbers stay in registers and no twiddle is
 * read: windowing and both radix-4 passes together take two thirds of the time that they take as separate loops.
 */
export function sixteenPoint(
  signal: Float64Array,
  offset: number,
  window: Float64Array,
  order: Int32Array,
  out: Float64Array,
): void {
  const { cos, sin, halfRoot } = EIGHTH;
  for (let t = 0, o = 0; t < order.length; t += 16, o += 32) {
    // Column 0: inputs 0, 4, 8, 12.
    const p0 = order[t + 0];
    const x0r = signal[offset + p0] * window[p0];
    const x0i = signal[offset + p0 + 1] * window[p0 + 1];
    const p4 = order[t + 4];
    const x4r = signal[offset + p4] * window[p4];
    const x4i = signal[offset + p4 + 1] * window[p4 + 1];
    const p8 = order[t + 8];
    const x8r = signal[offset + p8] * window[p8];
    const x8i = signal[offset + p8 + 1] * window[p8 + 1];
    const p12 = order[t + 12];
    const x12r = signal[offset + p12] * window[p12];
    const x12i = signal[offset + p12 + 1] * window[p12 + 1];
    const c0sr = x0r + x8r;
    const c0si = x0i + x8i;
    const c0dr = x0r - x8r;
    const c0di = x0i - x8i;
    const c0tr = x4r + x12r;
    const c0ti = x4i + x12i;
    const c0er = x4r - x12r;
    const c0ei = x4i - x12i;
    const y00r = c0sr + c0tr;
    const y00i = c0si + c0ti;
    const y01r = c0dr + c0ei;
    const y01i = c0di - c0er;
    const y02r = c0sr - c0tr;
    const y02i = c0si - c0ti;
    const y03r = c0dr - c0ei;
    const y03i = c0di + c0er;
    // Column 1: inputs 1, 5, 9, 13; result j turned by w^(1 j).
    const p1 = order[t + 1];
    const x1r = signal[offset + p1] * window[p1];
    const x1i = signal[offset + p1 + 1] * window[p1 + 1];
    const p5 = order[t + 5];
    const x5r = signal[offset + p5] * window[p5];
    const x5i = signal[offset + p5 + 1] * window[p5 + 1];
    const p9 = order[t + 9];
    const x9r = signal[offset + p9] * window[p9];
    const x9i = signal[offset + p9 + 1] * window[p9 + 1];
    const p13 = order[t + 13];
    const x13r = signal[offset + p13] * window[p13];
    const x13i = signal[offset + p13 + 1] * window[p13 + 1];
    const c1sr = x1r + x9r;
    const c1si = x1i + x9i;
    const c1dr = x1r - x9r;
    const c1di = x1i - x9i;
    const c1tr = x5r + x13r;
    const c1ti = x5i + x13i;
    const c1er = x5r - x13r;
    const c1ei = x5i - x13i;
    const y10r = c1sr + c1tr;
    const y10i = c1si + c1ti;
    const z11r = c1dr + c1ei;
    const z11i = c1di - c1er;
    const y11r = z11r * cos + z11i * sin;
    const y11i = z11i * cos - z11r * sin;
    const z12r = c1sr - c1tr;
    const z12i = c1si - c1ti;
    const y12r = (z12r + z12i) * halfRoot;
    const y12i = (z12i - z12r) * halfRoot;
    const z13r = c1dr - c1ei;
    const z13i = c1di + c1er;
    const y13r = z13r * sin + z13i * cos;
    const y13i = z13i * sin - z13r * cos;
    // Column 2: inputs 2, 6, 10, 14; result j turned by w^(2 j).
    const p2 = order[t + 2];
    const x2r = signal[offset + p2] * window[p2];
    const x2i = signal[offset + p2 + 1] * window[p2 + 1];
    const p6 = order[t + 6];
    const x6r = signal[offset + p6] * window[p6];
    const x6i = signal[offset + p6 + 1] * window[p6 + 1];
    const p10 = order[t + 10];
    const x10r = signal[offset + p10] * window[p10];
    const x10i = signal[offset + p10 + 1] * window[p10 + 1];
    const p14 = order[t + 14];
    const x14r = signal[offset + p14] * window[p14];
    const x14i = signal[offset + p14 + 1] * window[p14 + 1];
    const c2sr = x2r + x10r;
    const c2si = x2i + x10i;
    const c2dr = x2r - x10r;
    const c2di = x2i - x10i;
    const c2tr = x6r + x14r;
    const c2ti = x6i + x14i;
    const c2er = x6r - x14r;
    const c2ei = x6i - x14i;
    const y20r = c2sr + c2tr;
    const y20i = c2si + c2ti;
    const z21r = c2dr + c2ei;
    const z21i = c2di - c2er;
    const y21r = (z21r + z21i) * halfRoot;
    const y21i = (z21i - z21r) * halfRoot;
    const y22r = c2si - c2ti;
    const y22i = c2tr - c2sr;
    const z23r = c2dr - c2ei;
    const z23i = c2di + c2er;
    const y23r = (z23i - z23r) * halfRoot;
    const y23i = -(z23r + z23i) * halfRoot;
    // Column 3: inputs 3, 7, 11, 15; result j turned by w^(3 j).
    const p3 = order[t + 3];
    const x3r = signal[offset + p3] * window[p3];
    const x3i = signal[offset + p3 + 1] * window[p3 + 1];
    const p7 = order[t + 7];
    const x7r = signal[offset + p7] * window[p7];
    const x7i = signal[offset + p7 + 1] * window[p7 + 1];
    const p11 = order[t + 11];
    const x11r = signal[offset + p11] * window[p11];
    const x11i = signal[offset + p11 + 1] * window[p11 + 1];
    const p15 = order[t + 15];
    const x15r = signal[offset + p15] * window[p15];
    const x15i = signal[offset + p15 + 1] * window[p15 + 1];
    const c3sr = x3r + x11r;
    const c3si = x3i + x11i;
    const c3dr = x3r - x11r;
    const c3di = x3i - x11i;
    const c3tr = x7r + x15r;
    const c3ti = x7i + x15i;
    const c3er = x7r - x15r;
    const c3ei = x7i - x15i;
    const y30r = c3sr + c3tr;
    const y30i = c3si + c3ti;
    const z31r = c3dr + c3ei;
    const z31i = c3di - c3er;
    const y31r = z31r * sin + z31i * cos;
    const y31i = z31i * sin - z31r * cos;
    const z32r = c3sr - c3tr;
    const z32i = c3si - c3ti;
    const y32r = (z32i - z32r) * halfRoot;
    const y32i = -(z32r + z32i) * halfRoot;
    const z33r = c3dr - c3ei;
    const z33i = c3di + c3er;
    const y33r = -z33r * cos - z33i * sin;
    const y33i = z33r * sin - z33i * cos;
    // Row 0: results 0, 4, 8, 12.
    const r0sr = y00r + y20r;
    const r0si = y00i + y20i;
    const r0dr = y00r - y20r;
    const r0di = y00i - y20i;
    const r0tr = y10r + y30r;
    const r0ti = y10i + y30i;
    const r0er = y10r - y30r;
    const r0ei = y10i - y30i;
    out[o] = r0sr + r0tr;
    out[o + 1] = r0si + r0ti;
    out[o + 8] = r0dr + r0ei;
    out[o + 9] = r0di - r0er;
    out[o + 16] = r0sr - r0tr;
    out[o + 17] = r0si - r0ti;
    out[o + 24] = r0dr - r0ei;
    out[o + 25] = r0di + r0er;
    // Row 1: results 1, 5, 9, 13.
    const r1sr = y01r + y21r;
    const r1si = y01i + y21i;
    const r1dr = y01r - y21r;
    const r1di = y01i - y21i;
    const r1tr = y11r + y31r;
    const r1ti = y11i + y31i;
    const r1er = y11r - y31r;
    const r1ei = y11i - y31i;
    out[o + 2] = r1sr + r1tr;
    out[o + 3] = r1si + r1ti;
    out[o + 10] = r1dr + r1ei;
    out[o + 11] = r1di - r1er;
    out[o + 18] = r1sr - r1tr;
    out[o + 19] = r1si - r1ti;
    out[o + 26] = r1dr - r1ei;
    out[o + 27] = r1di + r1er;
    // Row 2: results 2, 6, 10, 14.
    const r2sr = y02r + y22r;
    const r2si = y02i + y22i;
    const r2dr = y02r - y22r;
    const r2di = y02i - y22i;
    const r2tr = y12r + y32r;
    const r2ti = y12i + y32i;
    const r2er = y12r - y32r;
    const r2ei = y12i - y32i;
    out[o + 4] = r2sr + r2tr;
    out[o + 5] = r2si + r2ti;
    out[o + 12] = r2dr + r2ei;
    out[o + 13] = r2di - r2er;
    out[o + 20] = r2sr - r2tr;
    out[o + 21] = r2si - r2ti;
    out[o + 28] = r2dr - r2ei;
    out[o + 29] = r2di + r2er;
    // Row 3: results 3, 7, 11, 15.
    const r3sr = y03r + y23r;
    const r3si = y03i + y23i;
    const r3dr = y03r - y23r;
    const r3di = y03i - y23i;
    const r3tr = y13r + y33r;
    const r3ti = y13i + y33i;
    const r3er = y13r - y33r;
    const r3ei = y13i - y33i;
    out[o + 6] = r3sr + r3tr;
    out[o + 7] = r3si + r3ti;
    out[o + 14] = r3dr + r3ei;
    out[o + 15] = r3di - r3er;
    out[o + 22] = r3sr - r3tr;
    out[o + 23] = r3si - r3ti;
    out[o + 30] = r3dr - r3ei;
    out[o + 31] = r3di + r3er;
  }
}
