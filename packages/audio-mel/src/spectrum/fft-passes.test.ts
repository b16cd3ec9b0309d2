import { expect, test } from 'vitest';
import { planPasses, rootOfUnity, runPass } from './fft-passes';

/** A repeatable signal without structure. */
const noise = (length: number) => Float64Array.from({ length }, (_, n) => Math.sin(n * n + 1));

test.each([
  [1, 400],
  [1, 7],
  [1, 96],
  [3, 25],
  [2, 2 * 3 * 5 * 7],
  [16, 25],
  [1, 11 * 13],
])('%d transforms of length %d side by side equal the definition', (stride, length) => {
  const input = noise(2 * stride * length);
  let from: Float64Array = Float64Array.from(input);
  let to: Float64Array = new Float64Array(input.length);
  for (const pass of planPasses(length, stride)) {
    runPass(pass, from, to);
    [from, to] = [to, from];
  }
  let worst = 0;
  for (let q = 0; q < stride; q++) {
    for (let k = 0; k < length; k++) {
      let real = 0;
      let imaginary = 0;
      for (let n = 0; n < length; n++) {
        const [c, s] = rootOfUnity(n * k, length);
        const at = 2 * (q + stride * n);
        real += input[at] * c - input[at + 1] * s;
        imaginary += input[at] * s + input[at + 1] * c;
      }
      const at = 2 * (q + stride * k);
      worst = Math.max(worst, Math.abs(from[at] - real), Math.abs(from[at + 1] - imaginary));
    }
  }
  // measured 2.5e-15 times the root: float64 rounding of a sum of `length` terms
  expect(worst).toBeLessThan(2e-14 * Math.sqrt(length));
});

test('the passes of 400 are radices 5, 5, 4, 4, and a prime is one pass', () => {
  expect(planPasses(400).map(({ radix }) => radix)).toEqual([5, 5, 4, 4]);
  expect(planPasses(101).map(({ radix, m }) => [radix, m])).toEqual([[101, 1]]);
});

test('rootOfUnity reduces the angle, so that whole turns change nothing', () => {
  expect(rootOfUnity(7 + 800 * 12345, 800)).toEqual(rootOfUnity(7, 800));
});
