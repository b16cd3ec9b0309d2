/** Multipliers of the inverse transform, times 2^13. */
const [F_0_298, F_0_390, F_0_541, F_0_765, F_0_899, F_1_175] = [2446, 3196, 4433, 6270, 7373, 9633];
const [F_1_501, F_1_847, F_1_961, F_2_053, F_2_562, F_3_072] = [12299, 15137, 16069, 16819, 20995, 25172];

/** Intermediate values are kept times 4, so that the second pass rounds less. */
const FIRST_SHIFT = 13 - 2;
const SECOND_SHIFT = 13 + 2 + 3;

/** One pass over eight values that stand `step` apart, in place. */
function pass(values: Int32Array, at: number, step: number, shift: number): void {
  const v = (i: number) => values[at + i * step];
  // Even part.
  let z1 = Math.imul(v(2) + v(6), F_0_541);
  const t2 = z1 - Math.imul(v(6), F_1_847);
  const t3 = z1 + Math.imul(v(2), F_0_765);
  const t0 = (v(0) + v(4)) << 13;
  const t1 = (v(0) - v(4)) << 13;
  const [e0, e1, e2, e3] = [t0 + t3, t1 + t2, t1 - t2, t0 - t3];
  // Odd part.
  let [o0, o1, o2, o3] = [v(7), v(5), v(3), v(1)];
  z1 = Math.imul(o0 + o3, -F_0_899);
  const z2 = Math.imul(o1 + o2, -F_2_562);
  const z5 = Math.imul(o0 + o2 + o1 + o3, F_1_175);
  const z3 = Math.imul(o0 + o2, -F_1_961) + z5;
  const z4 = Math.imul(o1 + o3, -F_0_390) + z5;
  o0 = Math.imul(o0, F_0_298) + z1 + z3;
  o1 = Math.imul(o1, F_2_053) + z2 + z4;
  o2 = Math.imul(o2, F_3_072) + z2 + z3;
  o3 = Math.imul(o3, F_1_501) + z1 + z4;
  const half = 1 << (shift - 1);
  values[at] = (e0 + o3 + half) >> shift;
  values[at + 7 * step] = (e0 - o3 + half) >> shift;
  values[at + step] = (e1 + o2 + half) >> shift;
  values[at + 6 * step] = (e1 - o2 + half) >> shift;
  values[at + 2 * step] = (e2 + o1 + half) >> shift;
  values[at + 5 * step] = (e2 - o1 + half) >> shift;
  values[at + 3 * step] = (e3 + o0 + half) >> shift;
  values[at + 4 * step] = (e3 - o0 + half) >> shift;
}

/**
 * The inverse cosine transform of a block of 8 x 8 coefficients, in place, as libjpeg's accurate integer method
 * (`JDCT_ISLOW`, its default) computes it: columns first, to the bit.
 */
export function inverseDct(block: Int32Array): void {
  for (let column = 0; column < 8; column++) pass(block, column, 8, FIRST_SHIFT);
  for (let row = 0; row < 64; row += 8) pass(block, row, 1, SECOND_SHIFT);
}
