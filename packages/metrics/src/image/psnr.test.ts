import { describe, expect, test } from 'vitest';
import { formulaMask, formulaPair, images, inRange, smoothPair } from '../testing/image-pairs';
import { MaskedPsnrScorer, maskedPsnr, PsnrScorer, psnr } from './psnr';

const bytes = { range: [0, 255] } as const;
const [wide] = images.cases;
const gray = (...data: number[]) => ({ data: Uint8Array.from(data), height: 1, width: data.length });

describe('psnr', () => {
  test.each(images.cases)('equals scikit-image on the pair $name', (each) => {
    const { real, generated } = formulaPair(each);
    // measured 3.6e-15, one step of float64 at 24
    expect(Math.abs(psnr(real, generated, bytes) - each.psnr)).toBeLessThan(1e-13);
  });

  test('equals scikit-image on nearly equal images', () => {
    const { real, generated } = smoothPair(images.smooth.height, images.smooth.width);
    // measured 5e-14: NumPy sums the small squares in another order
    expect(Math.abs(psnr(real, generated, { range: [0, 1] }) - images.smooth.psnr)).toBeLessThan(1e-12);
  });

  test('is the same in every range', () => {
    const { real, generated } = formulaPair(wide);
    const range = [-1, 1] as const;
    // measured 1.3e-7: the pixels in -1..1 are float32
    expect(psnr(inRange(real, range), inRange(generated, range), { range })).toBeCloseTo(wide.psnr, 5);
  });

  test('of black against white is 0 dB, of equal images the cap', () => {
    expect(psnr(gray(0, 0), gray(255, 255), bytes)).toBeCloseTo(0, 12);
    expect(psnr(gray(7, 8), gray(7, 8), bytes)).toBe(100);
    expect(psnr(gray(7, 8), gray(7, 8), { ...bytes, capDb: Infinity })).toBe(Infinity);
  });

  test('of levels: rounding makes small differences vanish, truncation need not', () => {
    const floats = (...data: number[]) => ({
      data: Float32Array.from(data, (level) => level / 255),
      height: 1,
      width: data.length,
    });
    const [a, b] = [floats(10, 20.2), floats(10.3, 19.8)];
    const range = [0, 1] as const;
    expect(psnr(a, b, { range })).toBeLessThan(60);
    expect(psnr(a, b, { range, quantise: 'round' })).toBe(100);
    expect(psnr(a, b, { range, quantise: 'truncate' })).toBeCloseTo(-10 * Math.log10(0.5 / 255 ** 2), 10); // 20 and 19
  });

  test('refuses pairs of different size, values outside of the range and a cap that is none', () => {
    expect(() => psnr(gray(1, 2), gray(1), bytes)).toThrow(
      'psnr: generated must be of the size of real, 1 x 2 (2 numbers), got 1 x 1',
    );
    const nan = { data: Float32Array.of(NaN), height: 1, width: 1 };
    expect(() => psnr(gray(1), nan, bytes)).toThrow(
      'psnr: generated.data must be within range (0..255), got NaN at index 0',
    );
    expect(() => psnr(gray(1), gray(1), { ...bytes, capDb: 0 })).toThrow('psnr: capDb must be above 0, got 0');
  });
});

describe('maskedPsnr', () => {
  test.each(images.cases)('equals its formula in numpy on the pair $name, with either rule for colours', (each) => {
    const { real, generated } = formulaPair(each);
    for (const colours of ['mean', 'sum'] as const) {
      const value = maskedPsnr(real, generated, formulaMask(each), { ...bytes, colours });
      expect(Math.abs(value - each.maskedPsnr[colours])).toBeLessThan(1e-13); // measured 3.6e-15
    }
  });

  test('of a mask of ones is psnr, 4.77 dB less where colours are summed', () => {
    const { real, generated } = formulaPair(wide);
    const ones = new Float32Array(wide.height * wide.width).fill(1);
    expect(maskedPsnr(real, generated, ones, bytes)).toBeCloseTo(wide.psnr, 13); // measured 3.6e-15
    expect(maskedPsnr(real, generated, ones, { ...bytes, colours: 'sum' })).toBeCloseTo(
      wide.psnr - 10 * Math.log10(3),
      13,
    );
  });

  test('weighs pixels by a soft mask', () => {
    const value = maskedPsnr(gray(0, 0, 0), gray(10, 20, 99), Float32Array.of(1, 0.5, 0), bytes);
    expect(value).toBeCloseTo(-10 * Math.log10((100 + 0.5 * 400) / 1.5 / 255 ** 2), 13); // measured 0
  });

  test('refuses masks that are empty, of another size or not 0..1', () => {
    const masked = (mask: Uint8Array) => () => maskedPsnr(gray(1, 2), gray(1, 2), mask, bytes);
    expect(masked(Uint8Array.of(0, 0))).toThrow('maskedPsnr: mask must be above 0 somewhere, got zeros only');
    expect(masked(Uint8Array.of(1))).toThrow('maskedPsnr: mask must be a typed array of 1 x 2 numbers, got 1');
    expect(masked(Uint8Array.of(1, 255))).toThrow('maskedPsnr: mask must be within 0..1, got 255 at pixel 1');
  });
});

describe('PsnrScorer', () => {
  const pairs = images.cases.map(formulaPair);

  test('averages over images, or the error under it, which never gives more', () => {
    const [byImage, byError] = (['images', 'mse'] as const).map((average) => {
      const scorer = new PsnrScorer({ ...bytes, average });
      for (const { real, generated } of pairs) scorer.update(real, generated);
      return scorer.compute();
    });
    const mean = images.cases.reduce((sum, each) => sum + each.psnr, 0) / pairs.length;
    const error = images.cases.reduce((sum, each) => sum + 10 ** (-each.psnr / 10), 0) / pairs.length;
    expect(byImage.value).toBeCloseTo(mean, 13); // measured 0
    expect(byError.value).toBeCloseTo(-10 * Math.log10(error), 13); // measured 0
    expect(byError.value).toBeLessThan(byImage.value);
    expect(byImage).toMatchObject({
      metric: 'psnr',
      samples: 4,
      notes: [],
      convention: 'mean of the PSNR of images, at most 100 dB each',
    });
    expect(byError.convention).toBe('PSNR of the mean squared error of all images, at most 100 dB');
  });

  test('says how many pairs are equal images', () => {
    const scorer = new PsnrScorer({ ...bytes, capDb: 80 });
    expect(scorer.update(gray(1), gray(1))).toBe(80);
    scorer.update(gray(0), gray(255));
    expect(scorer.compute()).toMatchObject({ value: 40, notes: ['1 of 2 pairs are equal images, counted as 80 dB'] });
    scorer.reset();
    expect(() => scorer.compute()).toThrow('PsnrScorer.compute: samples so far must be at least one');
  });

  test('refuses bad options at once', () => {
    expect(() => new PsnrScorer({ ...bytes, average: 'frames' as 'mse' })).toThrow(
      'PsnrScorer: average must be images or mse',
    );
    expect(() => new PsnrScorer({} as typeof bytes)).toThrow('PsnrScorer: range must be');
  });
});

test('MaskedPsnrScorer averages over pairs and tells its rule for colours', () => {
  const scorer = new MaskedPsnrScorer({ ...bytes, colours: 'sum' });
  expect(() => scorer.compute()).toThrow('MaskedPsnrScorer.compute: samples so far must be');
  for (const each of images.cases) {
    const { real, generated } = formulaPair(each);
    scorer.update(real, generated, formulaMask(each));
  }
  const { value, metric, convention } = scorer.compute();
  // measured 0
  expect(value).toBeCloseTo(images.cases.reduce((sum, each) => sum + each.maskedPsnr.sum, 0) / images.cases.length, 13);
  expect(metric).toBe('masked-psnr');
  expect(convention).toContain('summed over colours');
  expect(() => new MaskedPsnrScorer({ ...bytes, colours: 'all' as 'sum' })).toThrow(
    'MaskedPsnrScorer: colours must be mean or sum',
  );
});
