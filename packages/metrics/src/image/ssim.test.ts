import { describe, expect, test } from 'vitest';
import { formulaPair, images, inRange, smoothPair } from '../testing/image-pairs';
import { SsimScorer, type SsimVariant, ssim } from './ssim';

const VARIANTS: SsimVariant[] = ['gaussian', 'uniform7', 'torchmetrics'];
const bytes = { range: [0, 255] } as const;
const [wide] = images.cases;

describe('ssim', () => {
  test.each(images.cases.flatMap((each) => VARIANTS.map((variant) => [variant, each] as const)))(
    '%s equals its reference program on the pair $name',
    (variant, each) => {
      const { real, generated } = formulaPair(each);
      // measured 5.2e-15
      expect(Math.abs(ssim(real, generated, { ...bytes, variant }) - each.ssim[variant])).toBeLessThan(1e-13);
    },
  );

  test.each(VARIANTS)('%s is right on smooth bright images, where float32 is off by 1e-5', (variant) => {
    const { height, width, ssim: wanted, float32 } = images.smooth;
    const { real, generated } = smoothPair(height, width);
    // measured 4.9e-14: the variance of bright, smooth images cancels to 1e-4 of its terms
    expect(Math.abs(ssim(real, generated, { range: [0, 1], variant }) - wanted[variant])).toBeLessThan(1e-12);
    expect(Math.abs(float32 - wanted.torchmetrics)).toBeGreaterThan(1e-6); // what computing in float32 costs
  });

  test('of equal images is exactly 1, and symmetric', () => {
    const { real, generated } = formulaPair(wide);
    for (const variant of VARIANTS) {
      expect(ssim(real, real, { ...bytes, variant })).toBe(1);
      expect(ssim(real, generated, { ...bytes, variant })).toBeCloseTo(
        ssim(generated, real, { ...bytes, variant }),
        13, // measured 0
      );
    }
  });

  test('is the same for bytes and for the same image in 0..1 and in -1..1', () => {
    const { real, generated } = formulaPair(wide);
    const wanted = ssim(real, generated, bytes);
    for (const range of [
      [0, 1],
      [-1, 1],
    ] as const) {
      // measured 1.5e-9: the pixels of these ranges are float32
      expect(ssim(inRange(real, range), inRange(generated, range), { range })).toBeCloseTo(wanted, 8);
    }
  });

  test('of floats that are rounded to levels first equals that of the bytes', () => {
    const { real, generated } = formulaPair(wide);
    const range = [-1, 1] as const;
    for (const quantise of ['round', 'truncate'] as const) {
      expect(ssim(inRange(real, range), inRange(generated, range), { range, quantise })).toBe(
        ssim(real, generated, bytes),
      );
    }
  });

  test('of an image and its negative is below 0', () => {
    const { real } = formulaPair(wide);
    const negative = { ...real, data: (real.data as Uint8Array).map((value) => 255 - value) };
    const value = ssim(real, negative, bytes);
    expect(value).toBeLessThan(0);
    expect(value).toBeGreaterThanOrEqual(-1);
  });

  test('refuses to guess the range, small images and unknown variants', () => {
    const { real, generated } = formulaPair(wide);
    expect(() => ssim(real, generated, {} as typeof bytes)).toThrow('ssim: range must be [black, white]');
    expect(() => ssim(real, generated, { ...bytes, variant: 'wang' as 'gaussian' })).toThrow(
      'ssim: variant must be gaussian, uniform7',
    );
    expect(() => ssim(real, generated, { range: [0, 1] })).toThrow('ssim: real.data must be within range (0..1), got ');
    const small = { data: new Uint8Array(10 * 12), height: 10, width: 12 };
    expect(() => ssim(small, small, bytes)).toThrow('ssim: real must be at least 11 x 11 pixels, got [10, 12]');
    expect(ssim(small, small, { ...bytes, variant: 'uniform7' })).toBe(1);
  });
});

describe('SsimScorer', () => {
  test('gives the mean of the pairs and says how it was measured', () => {
    const scorer = new SsimScorer({ ...bytes, variant: 'uniform7' });
    const values = images.cases.map((each) => {
      const { real, generated } = formulaPair(each);
      return scorer.update(real, generated);
    });
    const { value, samples, convention, metric, notes } = scorer.compute();
    expect(value).toBeCloseTo(values.reduce((sum, each) => sum + each, 0) / values.length, 14); // measured 0
    expect([metric, samples, notes]).toEqual(['ssim', images.cases.length, []]);
    expect(convention).toBe(
      'uniform 7x7, sample covariance, valid positions (the default of scikit-image), mean over colours, then over images',
    );
  });

  test('has no score before the first pair and after reset', () => {
    const scorer = new SsimScorer(bytes);
    expect(() => scorer.compute()).toThrow(
      'SsimScorer.compute: samples so far must be at least one (call update first), got 0',
    );
    const { real } = formulaPair(wide);
    scorer.update(real, real);
    expect(scorer.compute().value).toBe(1);
    scorer.reset();
    expect(() => scorer.compute()).toThrow('call update first');
  });

  test('refuses bad options at once', () => {
    expect(() => new SsimScorer({ range: [1, 0] })).toThrow('SsimScorer: range must be');
    expect(() => new SsimScorer({ ...bytes, quantise: 'floor' as 'round' })).toThrow(
      'SsimScorer: quantise must be none, round or truncate',
    );
    expect(() => new SsimScorer({ ...bytes, variant: '' as 'gaussian' })).toThrow('SsimScorer: variant must be');
  });
});
