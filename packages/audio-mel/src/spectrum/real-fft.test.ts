import { expect, test } from 'vitest';
import { RealFft } from './real-fft';

test.each([800, 512, 500, 32, 2, 4, 22, 1120, 34])('magnitudes of %d samples equal the definition', (size) => {
  const signal = Float64Array.from({ length: size + 9 }, (_, n) => Math.sin(n * n));
  const window = Float64Array.from({ length: size }, (_, n) => 0.5 - 0.4 * Math.cos((2 * Math.PI * n) / size));
  const out = new Float64Array(size / 2 + 1);
  new RealFft(window).magnitudes(signal, 9, out);
  const expected = Array.from(out, (_, k) => {
    let real = 0;
    let imaginary = 0;
    for (let n = 0; n < size; n++) {
      const angle = (-2 * Math.PI * ((n * k) % size)) / size;
      real += window[n] * signal[9 + n] * Math.cos(angle);
      imaginary += window[n] * signal[9 + n] * Math.sin(angle);
    }
    return Math.hypot(real, imaginary);
  });
  const worst = Math.max(...expected.map((value, k) => Math.abs(value - out[k])));
  expect(worst).toBeLessThan(2e-14 * Math.max(...expected, 1)); // measured 2.2e-15 of the largest, float64 rounding
});

test('the same frame gives the same bits, whatever came before', () => {
  const window = new Float64Array(800).fill(1);
  const fft = new RealFft(window);
  const signal = Float64Array.from({ length: 1600 }, (_, n) => Math.cos(n * n));
  const [once, again] = [new Float64Array(401), new Float64Array(401)];
  fft.magnitudes(signal, 0, once);
  fft.magnitudes(signal, 800, again);
  fft.magnitudes(signal, 0, again);
  expect(again).toEqual(once);
});

test('RealFft refuses odd lengths', () => {
  expect(() => new RealFft(new Float64Array(801))).toThrow(
    'RealFft: window must be of an even length above 0, got 801',
  );
});
