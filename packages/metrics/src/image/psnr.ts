import { fail } from '@lipsync/contracts';
import type { MetricScore } from '../metric-description';
import { RunningMean } from '../running-mean';
import { assertQuantise, assertRange, type Image, type ImageOptions, readPair } from './image';

export type PsnrOptions = ImageOptions & {
  /** Upper limit of a pair, decibels; equal images, whose PSNR is infinite, count as this. Default 100. */
  capDb?: number;
};

export type MaskedPsnrOptions = PsnrOptions & {
  /**
   * `mean`: the squared error of a pixel is the mean over its colours, so that a mask of ones gives `psnr`. `sum`:
   * their sum, as the formula is printed in its source: 4.77 dB less for RGB. Default `mean`, as the text there says.
   */
  colours?: 'mean' | 'sum';
};

/** Weight of each pixel, 0..1, row-major `height * width`: a mask of zeros and ones, or a soft one. */
export type PixelMask = Uint8Array | Uint8ClampedArray | Float32Array | Float64Array;

const CAP_DB = 100;

function decibels(meanSquaredError: number, capDb: number): number {
  return Math.min(capDb, -10 * Math.log10(meanSquaredError));
}

/** Mean squared error in squares of the span, so that 1 is white against black. */
function relativeError(where: string, real: Image, generated: Image, options: PsnrOptions): number {
  const pair = readPair(where, real, generated, options);
  const { data, span } = pair.real;
  let total = 0;
  for (let i = 0; i < data.length; i++) total += (data[i] - pair.generated.data[i]) ** 2;
  return total / (data.length * span * span);
}

function maskedError(
  where: string,
  real: Image,
  generated: Image,
  mask: PixelMask,
  options: MaskedPsnrOptions,
): number {
  const pair = readPair(where, real, generated, options);
  const { data, span, channels, height, width } = pair.real;
  if (!ArrayBuffer.isView(mask) || mask.length !== height * width) {
    fail(TypeError, where, 'mask', `a typed array of ${height} x ${width} numbers`, (mask as Float32Array)?.length);
  }
  let total = 0;
  let weights = 0;
  for (let pixel = 0, i = 0; pixel < mask.length; pixel++) {
    const weight = mask[pixel];
    if (!(weight >= 0 && weight <= 1)) fail(RangeError, where, 'mask', 'within 0..1', `${weight} at pixel ${pixel}`);
    let squares = 0;
    for (let channel = 0; channel < channels; channel++, i++) squares += (data[i] - pair.generated.data[i]) ** 2;
    total += weight * squares;
    weights += weight;
  }
  if (weights === 0) fail(RangeError, where, 'mask', 'above 0 somewhere', 'zeros only');
  return total / (weights * (options.colours === 'sum' ? 1 : channels) * span * span);
}

function assertOptions(
  where: string,
  { range, quantise = 'none', capDb = CAP_DB, colours = 'mean' }: MaskedPsnrOptions,
): void {
  assertRange(where, range);
  assertQuantise(where, quantise);
  if (!(capDb > 0)) fail(RangeError, where, 'capDb', 'above 0', capDb);
  if (colours !== 'mean' && colours !== 'sum') fail(TypeError, where, 'colours', 'mean or sum', colours);
}

/**
 * Peak signal-to-noise ratio of two images in decibels: `10 log10(L² / MSE)`, `L` the span of the range, MSE over all
 * pixels and colours.
 *
 * Within 1e-12 of scikit-image 0.19.
 *
 * @returns at most `capDb`; equal images give `capDb`.
 * @throws TypeError for images of different size or without a range; RangeError for values outside of it.
 * @example
 * psnr(real, generated, { range: [0, 255] });
 */
export function psnr(real: Image, generated: Image, options: PsnrOptions): number {
  assertOptions('psnr', options);
  return decibels(relativeError('psnr', real, generated, options), options.capDb ?? CAP_DB);
}

/**
 * PSNR of the masked part of an image: `10 log10(L² / MSE)`, `MSE = Σ mask · error² / Σ mask`.
 *
 * `colours` tells whether `error²` is the mean or the sum over the colours: its source prints one and describes the
 * other.
 *
 * @param mask weight of each pixel, at least one above 0.
 * @returns at most `capDb`.
 * @example
 * maskedPsnr(real, generated, mouthMask, { range: [0, 255], quantise: 'round' });
 */
export function maskedPsnr(real: Image, generated: Image, mask: PixelMask, options: MaskedPsnrOptions): number {
  assertOptions('maskedPsnr', options);
  return decibels(maskedError('maskedPsnr', real, generated, mask, options), options.capDb ?? CAP_DB);
}

/** Averages PSNR over pairs, or the error under it. */
abstract class ErrorScorer<Options extends MaskedPsnrOptions & PsnrAverage> {
  protected readonly options: Options;
  readonly #mean = new RunningMean();
  #identical = 0;

  constructor(where: string, options: Options) {
    assertOptions(where, options);
    const { average = 'images' } = options;
    if (average !== 'images' && average !== 'mse') fail(TypeError, where, 'average', 'images or mse', average);
    this.options = options;
  }

  reset(): void {
    this.#mean.reset();
    this.#identical = 0;
  }

  protected add(error: number): number {
    const { average = 'images', capDb = CAP_DB } = this.options;
    const value = decibels(error, capDb);
    this.#mean.add(average === 'mse' ? error : value);
    if (error === 0) this.#identical++;
    return value;
  }

  protected score(where: string, metric: MetricScore['metric'], of: string): MetricScore {
    const { average = 'images', capDb = CAP_DB, quantise = 'none' } = this.options;
    const mean = this.#mean.mean(where);
    const samples = this.#mean.count;
    const averaging = average === 'mse' ? 'PSNR of the mean squared error of all images' : 'mean of the PSNR of images';
    const cap = average === 'mse' ? `at most ${capDb} dB` : `at most ${capDb} dB each`;
    const equal = this.#identical;
    return {
      metric,
      value: average === 'mse' ? decibels(mean, capDb) : mean,
      samples,
      convention: `${of}${averaging}, ${cap}${quantise === 'none' ? '' : `, 8 bits (${quantise})`}`,
      notes:
        equal === 0
          ? []
          : [`${equal} of ${samples} pairs are equal images${average === 'mse' ? '' : `, counted as ${capDb} dB`}`],
    };
  }
}

export type PsnrAverage = {
  /**
   * `images`: the mean of each pair's PSNR, the usual one. `mse`: the PSNR of the mean of each pair's squared error;
   * never higher. Default `images`.
   */
  average?: 'images' | 'mse';
};

/**
 * PSNR over many pairs; a note counts equal images.
 *
 * @example
 * const scorer = new PsnrScorer({ range: [0, 255] });
 * scorer.update(real, generated);
 * console.log(formatScore(scorer.compute()));
 */
export class PsnrScorer extends ErrorScorer<PsnrOptions & PsnrAverage> {
  constructor(options: PsnrOptions & PsnrAverage) {
    super('PsnrScorer', options);
  }

  /** @returns the PSNR of this pair. */
  update(real: Image, generated: Image): number {
    return this.add(relativeError('PsnrScorer.update', real, generated, this.options));
  }

  /** @throws Error before the first pair. */
  compute(): MetricScore {
    return this.score('PsnrScorer.compute', 'psnr', '');
  }
}

/**
 * Masked PSNR over many pairs.
 *
 * @example
 * const scorer = new MaskedPsnrScorer({ range: [0, 255] });
 * scorer.update(real, generated, mouthMask);
 * console.log(formatScore(scorer.compute()));
 */
export class MaskedPsnrScorer extends ErrorScorer<MaskedPsnrOptions & PsnrAverage> {
  constructor(options: MaskedPsnrOptions & PsnrAverage) {
    super('MaskedPsnrScorer', options);
  }

  /** @returns the masked PSNR of this pair. */
  update(real: Image, generated: Image, mask: PixelMask): number {
    return this.add(maskedError('MaskedPsnrScorer.update', real, generated, mask, this.options));
  }

  /** @throws Error before the first pair. */
  compute(): MetricScore {
    const { colours = 'mean' } = this.options;
    const of =
      colours === 'mean' ? 'averaged over colours and over the mask' : 'summed over colours, averaged over the mask';
    return this.score('MaskedPsnrScorer.compute', 'masked-psnr', `squared error ${of}; `);
  }
}
