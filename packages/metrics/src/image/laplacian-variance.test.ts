import { describe, expect, test } from 'vitest';
import { formulaMask, formulaPair, images, inRange } from '../testing/image-pairs';
import { LaplacianVarianceScorer, laplacianVariance } from './laplacian-variance';

const bytes = { range: [0, 255] } as const;
const [wide] = images.cases;

describe('laplacianVariance', () => {
  test.each(images.cases)('equals OpenCV on the image $name, with either kernel, masked and not', (each) => {
    const { real } = formulaPair(each);
    const mask = formulaMask(each);
    // measured 2.9e-15
    const near = (value: number, wanted: number) => expect(Math.abs(value / wanted - 1)).toBeLessThan(5e-14);
    for (const [name, wanted] of Object.entries(each.laplacianVariance)) {
      const options = { ...bytes, kernelSize: Number(name[0]) as 1 | 3, gray: name.slice(2) as '8 bit' | 'exact' };
      near(laplacianVariance(real, options), wanted.all);
      near(laplacianVariance(real, { ...options, mask }), wanted.mask);
    }
  });

  test('is on the scale 0..255 whatever the range', () => {
    const { real } = formulaPair(wide);
    const range = [-1, 1] as const;
    expect(laplacianVariance(inRange(real, range), { range })).toBe(laplacianVariance(real, bytes));
    const exact = laplacianVariance(inRange(real, range), { range, gray: 'exact' });
    // measured 3.9e-8: the pixels in -1..1 are float32
    expect(exact / wide.laplacianVariance['1 exact'].all).toBeCloseTo(1, 6);
  });

  test('of a flat image is 0, of a ramp comes from its borders only, and blur lowers it', () => {
    const image = (value: (x: number) => number) => ({
      data: Float64Array.from({ length: 64 }, (_, i) => value(i % 8)),
      height: 8,
      width: 8,
    });
    const inside = Uint8Array.from({ length: 64 }, (_, i) => Number(i % 8 > 0 && i % 8 < 7));
    const exact = { ...bytes, gray: 'exact' } as const;
    expect(
      laplacianVariance(
        image(() => 9),
        exact,
      ),
    ).toBe(0);
    expect(
      laplacianVariance(
        image((x) => 10 * x),
        { ...exact, mask: inside },
      ),
    ).toBe(0);
    expect(
      laplacianVariance(
        image((x) => 10 * x),
        exact,
      ),
    ).toBe(100); // 20 at the left, -20 at the right, of 8 columns
    const sharp = laplacianVariance(
      image((x) => 100 * (x % 2)),
      exact,
    );
    expect(
      laplacianVariance(
        image((x) => 50 + 10 * (x % 2)),
        exact,
      ),
    ).toBeCloseTo(sharp / 100, 12); // measured 0
  });

  test('refuses tiny images, empty masks and unknown options', () => {
    const line = { data: new Uint8Array(5), height: 1, width: 5 };
    expect(() => laplacianVariance(line, bytes)).toThrow(
      'laplacianVariance: image must be at least 2 x 2 pixels, got [1, 5]',
    );
    const { real } = formulaPair(wide);
    expect(() => laplacianVariance(real, { ...bytes, mask: new Uint8Array(5) })).toThrow(
      'mask must be a typed array of 64 x 80 numbers, got 5',
    );
    expect(() => laplacianVariance(real, { ...bytes, mask: new Uint8Array(64 * 80) })).toThrow(
      'mask must be above 0 somewhere',
    );
    expect(() => laplacianVariance(real, { ...bytes, kernelSize: 5 as 3 })).toThrow(
      'laplacianVariance: kernelSize must be 1 or 3, got 5',
    );
    expect(() => laplacianVariance(real, { ...bytes, gray: 'yes' as 'exact' })).toThrow('gray must be 8 bit or exact');
  });
});

test('LaplacianVarianceScorer averages, says how it measures, and notes images without a mask', () => {
  const scorer = new LaplacianVarianceScorer(bytes);
  expect(() => scorer.compute()).toThrow('LaplacianVarianceScorer.compute: samples so far must be at least one');
  const { real } = formulaPair(wide);
  const [whole, masked] = [scorer.update(real), scorer.update(real, formulaMask(wide))];
  expect(scorer.compute()).toEqual({
    metric: 'laplacian-variance',
    value: (whole + masked) / 2,
    samples: 2,
    convention: "OpenCV's Laplacian with ksize 1 of gray 0..255 (8 bit), inside the mask, mean over images",
    notes: ['1 of 2 images had no mask'],
  });
  scorer.reset();
  scorer.update(real);
  expect(scorer.compute()).toMatchObject({ value: whole, notes: [] });
});
