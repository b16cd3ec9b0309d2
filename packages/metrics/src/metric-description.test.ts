import { describe, expect, test } from 'vitest';
import { formatScore, METRICS, type MetricName, metricNotes } from './metric-description';

describe('METRICS', () => {
  test.each(Object.entries(METRICS))(
    'states for %s which way is better, its limits and its convention',
    (_, description) => {
      const { title, direction, range, minimumSamples = 1, convention } = description;
      expect(title).not.toBe('');
      expect(['higher', 'lower']).toContain(direction);
      expect(range[0]).toBeLessThan(range[1]);
      expect(minimumSamples).toBeGreaterThan(0);
      expect(convention.length).toBeGreaterThan(20);
    },
  );

  test('has errors and distances as lower, likeness and sharpness as higher', () => {
    const names = (direction: string) =>
      Object.keys(METRICS).filter((name) => METRICS[name as MetricName].direction === direction);
    expect(names('higher')).toEqual(['ssim', 'psnr', 'masked-psnr', 'laplacian-variance']);
    expect(names('lower')).toEqual(['expert-bce', 'lpips', 'vgg-distance', 'lmd', 'f-lmd', 'fid', 'fvd']);
  });

  test('cannot be reassigned', () => {
    expect(() => Object.assign(METRICS, { fid: METRICS.fvd })).toThrow(TypeError);
  });
});

describe('metricNotes', () => {
  test('warns of an FID below 2048 images and of none above', () => {
    expect(metricNotes('fid', 2047)).toEqual(['FID of 2047 images is not reliable: at least 2048 are needed']);
    expect(metricNotes('fid', 2048)).toEqual([]);
    expect(metricNotes('fvd', 1)).toEqual(['FVD of 1 clip is not reliable: at least 2048 are needed']);
  });

  test('has no note on one pair of images', () => {
    expect(metricNotes('ssim', 1)).toEqual([]);
  });

  test('refuses unknown metrics and counts that are not whole', () => {
    expect(() => metricNotes('sssim' as 'ssim', 1)).toThrow('metricNotes: metric must be expert-bce, ssim');
    expect(() => metricNotes('fid', -1)).toThrow('metricNotes: samples must be a whole number from 0, got -1');
  });
});

describe('formatScore', () => {
  test('puts value, unit, direction, count and convention into one line, notes below', () => {
    const score = {
      metric: 'psnr',
      value: 31.4159,
      samples: 2,
      convention: 'by image',
      notes: ['one pair was identical'],
    } as const;
    expect(formatScore({ ...score, notes: [...score.notes] })).toBe(
      'PSNR 31.42 dB (higher is better; 2 pairs of images; by image)\n  note: one pair was identical',
    );
  });
});
