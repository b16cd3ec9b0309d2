import { expect, test } from 'vitest';
import { sixteenPoint } from './sixteen-point';

test('two transforms of 16 windowed complex numbers in any order equal the definition', () => {
  const signal = Float64Array.from({ length: 80 }, (_, n) => Math.sin(n * n));
  const window = Float64Array.from({ length: 64 }, (_, n) => 1 + Math.cos(3 * n));
  const order = Int32Array.from({ length: 32 }, (_, i) => 2 * ((i * 7) % 32));
  const out = new Float64Array(64);
  sixteenPoint(signal, 5, window, order, out);
  for (let t = 0; t < 2; t++) {
    for (let k = 0; k < 16; k++) {
      let real = 0;
      let imaginary = 0;
      for (let n = 0; n < 16; n++) {
        const p = order[16 * t + n];
        const [a, b] = [signal[5 + p] * window[p], signal[6 + p] * window[p + 1]];
        const angle = (-2 * Math.PI * n * k) / 16;
        real += a * Math.cos(angle) - b * Math.sin(angle);
        imaginary += a * Math.sin(angle) + b * Math.cos(angle);
      }
      // measured 2.3e-14, most of it from the plain sums that it is compared with
      expect(out[2 * (16 * t + k)]).toBeCloseTo(real, 12);
      expect(out[2 * (16 * t + k) + 1]).toBeCloseTo(imaginary, 12);
    }
  }
});
