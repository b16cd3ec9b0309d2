import { fail } from '@lipsync/contracts';

/**
 * Metrics whose scorers give a `MetricScore`, by the names of reports. LSE-D and LSE-C have a report of their own,
 * `SyncScore`.
 */
export type MetricName =
  | 'expert-bce'
  | 'ssim'
  | 'psnr'
  | 'masked-psnr'
  | 'lpips'
  | 'vgg-distance'
  | 'laplacian-variance'
  | 'lmd'
  | 'f-lmd'
  | 'fid'
  | 'fvd';

/** The meaning of a value, for reports. */
export type MetricDescription = Readonly<{
  /** As it is printed: `LSE-D`. */
  title: string;
  /** Which values are better. */
  direction: 'higher' | 'lower';
  /** The least and the largest value it can take. */
  range: readonly [number, number];
  /** Empty for a plain number. */
  unit: '' | 'dB' | 'nat' | 'pixels' | 'gray levels squared';
  /** One sample. */
  sample: 'window' | 'image' | 'pair of images' | 'clip';
  /** With fewer samples the value is not reliable, see `metricNotes`. Of each set where two are compared. */
  minimumSamples?: number;
  /** How it is measured by default. Scores with other options carry a convention of their own. */
  convention: string;
}>;

/**
 * Direction, range, unit and convention of every metric.
 *
 * @example
 * const { title, direction } = METRICS.lpips; // 'LPIPS', 'lower'
 */
export const METRICS: Readonly<Record<MetricName, MetricDescription>> = Object.freeze({
  'expert-bce': {
    title: 'expert BCE',
    direction: 'lower',
    range: [0, -Math.log(1e-3)],
    unit: 'nat',
    sample: 'window',
    convention: 'mean of -ln clip(cosine, 0.001, 1) over every 5th window; comparable for the same expert only',
  },
  ssim: {
    title: 'SSIM',
    direction: 'higher',
    range: [-1, 1],
    unit: '',
    sample: 'pair of images',
    convention: 'Gaussian 11x11, sigma 1.5, biased variance, valid positions, mean over RGB, then over images',
  },
  psnr: {
    title: 'PSNR',
    direction: 'higher',
    range: [0, 100],
    unit: 'dB',
    sample: 'pair of images',
    convention: 'mean of the PSNR of images, at most 100 dB each',
  },
  'masked-psnr': {
    title: 'masked PSNR',
    direction: 'higher',
    range: [0, 100],
    unit: 'dB',
    sample: 'pair of images',
    convention:
      'squared error averaged over colours and over the mask; mean of the PSNR of images, at most 100 dB each',
  },
  lpips: {
    title: 'LPIPS',
    direction: 'lower',
    range: [0, Infinity],
    unit: '',
    sample: 'pair of images',
    convention: 'v0.1, AlexNet, RGB, images at their own size; comparable at the same size only',
  },
  'vgg-distance': {
    title: 'VGG distance',
    direction: 'lower',
    range: [0, Infinity],
    unit: '',
    sample: 'pair of images',
    convention: 'VGG-16 relu3_3, relu4_3, relu5_3: mean squared difference of each, summed',
  },
  'laplacian-variance': {
    title: 'sharpness vL',
    direction: 'higher',
    range: [0, Infinity],
    unit: 'gray levels squared',
    sample: 'image',
    convention:
      "variance of OpenCV's Laplacian (3x3, four neighbours) of gray 0..255; comparable at the same size only",
  },
  lmd: {
    title: 'LMD',
    direction: 'lower',
    range: [0, Infinity],
    unit: 'pixels',
    sample: 'image',
    convention: 'mean distance of the mouth points 48-67 of iBUG-68, not normalised',
  },
  'f-lmd': {
    title: 'F-LMD',
    direction: 'lower',
    range: [0, Infinity],
    unit: 'pixels',
    sample: 'image',
    convention: 'mean distance of all points of iBUG-68, not normalised',
  },
  fid: {
    title: 'FID',
    direction: 'lower',
    range: [0, Infinity],
    unit: '',
    sample: 'image',
    minimumSamples: 2048, // below it the covariance of 2048 features has no full rank
    convention: 'Inception-v3 of 2015-12-05, 2048 features, bilinear to 299 as pytorch-fid, covariance by N - 1',
  },
  fvd: {
    title: 'FVD',
    direction: 'lower',
    range: [0, Infinity],
    unit: '',
    sample: 'clip',
    minimumSamples: 2048,
    convention: 'I3D (Kinetics-400) logits of 16 frames at 224 pixels, -1..1, covariance by N - 1',
  },
});

/** A value with everything that a report should show beside it. */
export type MetricScore = {
  metric: MetricName;
  value: number;
  /** Samples behind it. */
  samples: number;
  /** How it was measured, with the options that were used. */
  convention: string;
  /** Warnings for the reader; often empty. */
  notes: string[];
};

/**
 * A warning about too few samples; empty where there are enough.
 *
 * @param samples For metrics of two sets the smaller one's.
 * @throws TypeError for an unknown metric, RangeError for a count that is none.
 * @example
 * metricNotes('fid', 500); // ['FID of 500 images is not reliable: at least 2048 are needed']
 */
export function metricNotes(metric: MetricName, samples: number): string[] {
  if (!Object.hasOwn(METRICS, metric))
    fail(TypeError, 'metricNotes', 'metric', Object.keys(METRICS).join(', '), metric);
  if (!(Number.isSafeInteger(samples) && samples >= 0))
    fail(RangeError, 'metricNotes', 'samples', 'a whole number from 0', samples);
  const { title, sample, minimumSamples = 0 } = METRICS[metric];
  if (samples >= minimumSamples) return [];
  return [`${title} of ${counted(samples, sample)} is not reliable: at least ${minimumSamples} are needed`];
}

/** `1 pair of images`, `2 pairs of images`. */
function counted(samples: number, sample: string): string {
  return `${samples} ${samples === 1 ? sample : sample.replace(/^\w+/, '$&s')}`;
}

/**
 * A score in one line: value with its unit, which way is better, how it was measured, and the notes.
 *
 * @example
 * formatScore(score); // 'PSNR 31.42 dB (higher is better; 250 pairs of images; mean of the PSNR of images, …)'
 */
export function formatScore({ metric, value, samples, convention, notes }: MetricScore): string {
  const { title, direction, unit, sample } = METRICS[metric];
  const digits = Math.abs(value) >= 100 ? value.toFixed(1) : value.toPrecision(4);
  const line = `${title} ${digits}${unit ? ` ${unit}` : ''} (${direction} is better; ${counted(samples, sample)}; ${convention})`;
  return [line, ...notes.map((note) => `  note: ${note}`)].join('\n');
}
