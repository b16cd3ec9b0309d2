import { fail } from '@lipsync/contracts';
import * as tf from '@tensorflow/tfjs-core';
import { METRICS, type MetricScore, metricNotes } from '../metric-description';
import { frechetDistance } from './frechet-distance';
import { assertMoments, type FrechetMoments } from './frechet-moments';
import { FrechetStatistics } from './frechet-statistics';

/** Which of the two sets samples belong to. */
export type FrechetSet = 'real' | 'generated';

/** A score of two sets, for reports. `samples` is the smaller set's number, of those that are known. */
export type FrechetScore<Protocol> = MetricScore & {
  /**
   * Each set's number of samples, undefined for statistics from a file that does not say, and the rank of its
   * covariance: below the number of features where there were too few samples.
   */
  sets: Record<FrechetSet, { samples: number | undefined; rank: number }>;
  /** How it was measured. */
  protocol: Protocol;
};

/** Values this far outside 0..1 count as rounding. */
const RANGE_TOLERANCE = 1e-3;

/** Two sets of features, what FID and FVD have in common: statistics, sizes and the score. */
export class FrechetSets {
  readonly #where: string;
  readonly #metric: 'fid' | 'fvd';
  /** What a sample is, in the plural. */
  readonly #kind: string;
  readonly #dimension: number;
  readonly #statistics: Record<FrechetSet, FrechetStatistics>;
  readonly #given: Partial<Record<FrechetSet, FrechetMoments>>;
  #size: string | undefined;

  /**
   * @param where The class's name, for errors.
   * @param dimension Features a sample.
   * @param given Statistics that take the place of samples.
   */
  constructor(
    where: string,
    metric: 'fid' | 'fvd',
    dimension: number,
    given: Partial<Record<FrechetSet, FrechetMoments>>,
  ) {
    this.#where = where;
    this.#metric = metric;
    this.#kind = `${METRICS[metric].sample}s`;
    this.#dimension = dimension;
    this.#statistics = { real: new FrechetStatistics(dimension), generated: new FrechetStatistics(dimension) };
    this.#given = given;
    for (const set of ['real', 'generated'] as const) {
      const moments = given[set];
      if (moments === undefined) continue;
      assertMoments(where, set, moments);
      if (moments.mean.length !== dimension)
        fail(TypeError, where, set, `of ${dimension} features`, moments.mean.length);
    }
  }

  /**
   * Refuses samples, which have the axes `axes`, of another kind, size or range than those before; of a set that was
   * given as statistics, any.
   */
  async assertSamples(
    samples: tf.Tensor,
    shape: readonly (number | undefined)[],
    axes: string,
    set: FrechetSet,
  ): Promise<void> {
    const where = `${this.#where}.update`;
    if (set !== 'real' && set !== 'generated') fail(TypeError, where, 'set', 'real or generated', set);
    if (this.#given[set]) fail(Error, where, 'set', 'one without statistics of its own', set);
    const fits =
      samples.rank === shape.length && samples.shape.every((side, axis) => side > 0 && side === (shape[axis] ?? side));
    if (samples.dtype !== 'float32' || !fits) {
      fail(TypeError, where, this.#kind, `float32 of shape ${axes}`, `${samples.dtype} [${samples.shape.join(', ')}]`);
    }
    const size = samples.shape.slice(-3, -1).join(' x ');
    if (this.#size !== undefined && size !== this.#size)
      fail(TypeError, where, this.#kind, `of ${this.#size} pixels, as before`, size);
    const extremes = tf.tidy(() => tf.stack([tf.min(samples), tf.max(samples)]));
    const [least, most] = await extremes.data();
    extremes.dispose();
    if (!(least >= -RANGE_TOLERANCE && most <= 1 + RANGE_TOLERANCE)) {
      fail(RangeError, where, this.#kind, 'in 0..1', `${least} to ${most}`);
    }
    this.#size = size;
  }

  /** Counts `features [samples, dimension]` and disposes them. */
  async add(features: tf.Tensor2D, set: FrechetSet): Promise<void> {
    try {
      this.#statistics[set].update((await features.data()) as Float32Array);
    } finally {
      features.dispose();
    }
  }

  statistics(set: FrechetSet): FrechetStatistics {
    return this.#statistics[set];
  }

  score<Protocol>(convention: string, protocol: Protocol): FrechetScore<Protocol> {
    const real = this.#moments('real');
    const generated = this.#moments('generated');
    const { value, ranks } = frechetDistance(real, generated);
    const sets = {
      real: { samples: real.count, rank: ranks[0] },
      generated: { samples: generated.count, rank: ranks[1] },
    };
    const counts = [real.count, generated.count].filter((count) => count !== undefined);
    // Statistics without a count are taken for enough: pytorch-fid's are of whole data sets.
    const samples = counts.length > 0 ? Math.min(...counts) : (METRICS[this.#metric].minimumSamples as number);
    const notes = metricNotes(this.#metric, samples);
    if (notes.length > 0)
      notes.push(`few samples make the value too high: compare it only with values of as many ${this.#kind}`);
    for (const [set, { rank }] of Object.entries(sets)) {
      if (rank < this.#dimension)
        notes.push(`the covariance of the ${set} ${this.#kind} has rank ${rank} of ${this.#dimension}`);
    }
    return { metric: this.#metric, value, samples, convention, notes, sets, protocol };
  }

  reset(): void {
    this.#statistics.real.reset();
    this.#statistics.generated.reset();
    this.#size = undefined;
  }

  #moments(set: FrechetSet): FrechetMoments {
    const given = this.#given[set];
    if (given) return given;
    const { count } = this.#statistics[set];
    if (count < 2) fail(Error, `${this.#where}.compute`, set, `at least 2 ${this.#kind} (call update first)`, count);
    return this.#statistics[set].moments();
  }
}
