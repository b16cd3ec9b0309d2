import type { NamedArray } from '@lipsync/checkpoints';
import { fail } from '@lipsync/contracts';
import { type ImageArchitecture, ImageFeatures, Module } from '@lipsync/nn';
import * as tf from '@tensorflow/tfjs-core';
import type { MetricScore } from '../metric-description';
import { RunningMean } from '../running-mean';
import { assertRange, type ValueRange } from './image';
import { tensorRange } from './tensor-range';

/**
 * The network under the distance: `alex` is usual in reports, `vgg` as a loss. Their numbers differ by a factor of two
 * and more.
 */
export type LpipsNet = 'alex' | 'vgg' | 'squeeze';

export type LpipsOptions = {
  /** Default `alex`. */
  net?: LpipsNet;
  /**
   * How features get length 1: `reference` divides by `sqrt(Σ f²) + 1e-10`, `torchmetrics` by `sqrt(Σ f² + 1e-8)`. The
   * values differ by less than float32 shows unless features are near 0; as a loss take `torchmetrics`, since where all
   * features of a position are 0 the gradient of the reference is not a number. Default `reference`.
   */
  epsilon?: 'reference' | 'torchmetrics';
};

export type LpipsRange = {
  /**
   * The values of black and white in the images, `[-1, 1]` or `[0, 1]` as a rule. Never guessed: a wrong one shrinks
   * the distance.
   */
  range: ValueRange;
};

type Net = { architecture: ImageArchitecture; title: string; layers: readonly number[]; channels: readonly number[] };

const NETS: Readonly<Record<LpipsNet, Net>> = {
  alex: { architecture: 'alexnet', title: 'AlexNet', layers: [1, 4, 7, 9, 11], channels: [64, 192, 384, 256, 256] },
  vgg: { architecture: 'vgg16', title: 'VGG-16', layers: [3, 8, 15, 22, 29], channels: [64, 128, 256, 512, 512] },
  squeeze: {
    architecture: 'squeezenet1_1',
    title: 'SqueezeNet 1.1',
    layers: [1, 4, 7, 9, 10, 11, 12],
    channels: [64, 128, 256, 384, 384, 512, 512],
  },
};

/** Mean and deviation of ImageNet's colours on the scale -1..1, as LPIPS rounds them. */
const SHIFT = [-0.03, -0.088, -0.188];
const SCALE = [0.458, 0.448, 0.45];
/** Pixels below which the deepest layers see hardly more than the border. */
const SENSIBLE_SIDE = 64;

/**
 * Learned perceptual image patch similarity, LPIPS v0.1: the distance of two images in the features of a network
 * trained on ImageNet, weighted to agree with human judgement. 0 for equal images.
 *
 * `Σ_k mean over positions of Σ_c w[k, c] (a[k, c] - b[k, c])²`, `a` and `b` being the features of layer k, of length 1
 * at each position.
 *
 * Weights come in two files, by name: torchvision's (`features.0.weight`; `alexnet-owt-7be5be79.pth`,
 * `vgg16-397923af.pth`, `squeezenet1_1-b8a52dc0.pth`) and LPIPS's own linear layers (`lin0.model.1.weight`; `alex.pth`,
 * `vgg.pth`, `squeeze.pth`); or in one of the whole module (`net.slice1.0.weight`). They are zeros until
 * `loadStateDict`, and `forward` refuses to work before.
 *
 * Source: Zhang et al. 2018 (arXiv:1801.03924) and the description of its v0.1. Largest difference from a PyTorch
 * program with torchvision's networks and made weights: 5e-7 of the value, with the published linear layers too; 4e-6
 * of the largest gradient. Images are not resized: the value depends on their size.
 *
 * @example
 * const network = new Lpips({ net: 'alex' });
 * const files = [await readStateDict('alexnet-owt-7be5be79.pth'), await readStateDict('alex.pth')];
 * network.loadStateDict(new Map(files.flatMap(({ state }) => [...state])));
 * const [distance] = await lpips(network, real, generated, { range: [0, 1] });
 */
export class Lpips extends Module {
  readonly net: LpipsNet;
  readonly epsilon: 'reference' | 'torchmetrics';
  readonly #features: ImageFeatures;
  /** One a layer, `[1, 1, channels, 1]`. */
  readonly #linear: tf.Variable[];
  #isLoaded = false;

  /** @throws TypeError for an unknown network or epsilon. */
  constructor({ net = 'alex', epsilon = 'reference' }: LpipsOptions = {}) {
    super();
    if (!Object.hasOwn(NETS, net)) fail(TypeError, 'Lpips', 'net', Object.keys(NETS).join(', '), net);
    if (epsilon !== 'reference' && epsilon !== 'torchmetrics')
      fail(TypeError, 'Lpips', 'epsilon', 'reference or torchmetrics', epsilon);
    this.net = net;
    this.epsilon = epsilon;
    this.#features = this.register('features', new ImageFeatures(NETS[net].architecture));
    this.#linear = NETS[net].channels.map((count, k) =>
      this.parameter(`lin${k}.model.1.weight`, tf.zeros([1, 1, count, 1]), 'conv'),
    );
    this.eval();
  }

  /** Height and width that images need at least: 31, 16 and 25 pixels. Below 64 pixels values are not reliable. */
  get smallestSide(): number {
    return this.#features.smallestSide(Math.max(...NETS[this.net].layers));
  }

  /**
   * Loads weights by name: the entries of torchvision's file and of the linear layers in one map, or the whole
   * module's. `classifier.*`, the constants in `scaling_layer.*` and a second copy of the layers in `lins.*` are
   * ignored.
   *
   * @throws Error that lists every missing, unused and misshapen name.
   */
  override loadStateDict(state: Map<string, NamedArray>, options: { where?: string } = {}): void {
    const where = options.where ?? 'Lpips.loadStateDict';
    const named = lpipsNames(state);
    super.loadStateDict(named, { where });
    // Loading them by its own method makes the network usable.
    const features = [...named].filter(([name]) => name.startsWith('features.'));
    this.#features.loadStateDict(new Map(features), { where });
    this.#isLoaded = true;
  }

  /**
   * Distances of pairs of images; differentiable by both. Values are not checked against the range, which would wait
   * for the backend: `lpips` does.
   *
   * @param real float32 `[batch, height, width, 3]`, RGB.
   * @param generated The same.
   * @returns float32 `[batch]`, 0 for equal images. The caller disposes it.
   * @throws TypeError for other shapes or images that are too small, Error before weights are loaded.
   */
  forward(real: tf.Tensor4D, generated: tf.Tensor4D, { range }: LpipsRange): tf.Tensor1D {
    this.assertUsable();
    this.assertPair('Lpips.forward', real, generated);
    assertRange('Lpips.forward', range);
    if (!this.#isLoaded)
      fail(Error, 'Lpips.forward', 'this network', 'one with weights (call loadStateDict first)', 'one without');
    const { layers } = NETS[this.net];
    return tf.tidy(() => {
      const [left, right] = [real, generated].map((x) => this.#features.forward(scaled(x, range), layers));
      const terms = layers.map((_, k) => {
        const difference = tf.squaredDifference(this.#ofLengthOne(left[k]), this.#ofLengthOne(right[k]));
        // The mean first: the layer is linear, so it weighs one position instead of all.
        const weights = tf.reshape(this.#linear[k], [-1, 1]) as tf.Tensor2D;
        return tf.reshape(tf.matMul(tf.mean<tf.Tensor2D>(difference, [1, 2]), weights), [-1]) as tf.Tensor1D;
      });
      return terms.reduce((sum, term) => tf.add(sum, term));
    });
  }

  /** Refuses what is not a pair of RGB images of one sufficient size. */
  assertPair(where: string, real: tf.Tensor4D, generated: tf.Tensor4D): void {
    if (real.rank !== 4 || real.shape[3] !== 3)
      fail(TypeError, where, 'real', 'of shape [batch, height, width, 3]', real.shape);
    if (real.shape.join() !== generated.shape.join()) {
      fail(TypeError, where, 'generated', `of shape [${real.shape.join(', ')}], as real is`, generated.shape);
    }
    const least = this.smallestSide;
    if (real.shape[1] < least || real.shape[2] < least) {
      fail(TypeError, where, 'real', `at least ${least} pixels high and wide for ${NETS[this.net].title}`, real.shape);
    }
  }

  #ofLengthOne(x: tf.Tensor4D): tf.Tensor4D {
    const squares = tf.sum(tf.square(x), 3, true);
    return tf.div(x, this.epsilon === 'reference' ? tf.add(tf.sqrt(squares), 1e-10) : tf.sqrt(tf.add(squares, 1e-8)));
  }
}

/** Images of any range as the networks take them. */
function scaled(x: tf.Tensor4D, [low, high]: ValueRange): tf.Tensor4D {
  // 2 (x - low) / (high - low) - 1, then minus shift over scale, in one product and one sum
  const factor = SCALE.map((scale) => 2 / ((high - low) * scale));
  const offset = SCALE.map((scale, i) => (-1 - (2 * low) / (high - low) - SHIFT[i]) / scale);
  return tf.add(tf.mul(x, factor), offset);
}

/**
 * Entries under our names: torchvision's for the trunk, LPIPS's for the linear layers; what neither needs is left out.
 */
function lpipsNames(state: ReadonlyMap<string, NamedArray>): Map<string, NamedArray> {
  const inner = !state.has('lin0.model.1.weight') && state.has('net.lin0.model.1.weight'); // torchmetrics keeps the module as `net`
  const named = new Map<string, NamedArray>();
  for (const [outer, array] of state) {
    const name = inner ? outer.replace(/^net\./, '') : outer;
    if (/^(classifier|scaling_layer|lins)\./.test(name)) continue;
    named.set(name.replace(/^net\.slice\d\./, 'features.'), array);
  }
  return named;
}

/**
 * LPIPS of pairs of images, with their values checked first.
 *
 * @param network With weights; borrowed.
 * @param real float32 `[batch, height, width, 3]`, RGB in `range`; borrowed, as is `generated`.
 * @returns float32, one number a pair.
 * @throws RangeError for values outside of the range; TypeError for other shapes or images that are too small.
 * @example
 * const distances = await lpips(network, real, generated, { range: [-1, 1] });
 */
export async function lpips(
  network: Lpips,
  real: tf.Tensor4D,
  generated: tf.Tensor4D,
  options: LpipsRange,
): Promise<Float32Array> {
  return (await measure('lpips', network, real, generated, options)).distances;
}

async function measure(
  where: string,
  network: Lpips,
  real: tf.Tensor4D,
  generated: tf.Tensor4D,
  { range }: LpipsRange,
) {
  network.assertPair(where, real, generated);
  assertRange(where, range);
  const { least } = await tensorRange(where, real, generated, range);
  const result = network.forward(real, generated, { range });
  try {
    const distances = Float32Array.from(await result.data());
    const bad = distances.findIndex((value) => !Number.isFinite(value));
    if (bad >= 0)
      fail(RangeError, where, 'real and generated', 'finite values', `a distance of ${distances[bad]} for pair ${bad}`);
    return { distances, least };
  } finally {
    result.dispose();
  }
}

/**
 * LPIPS over many pairs: the mean of theirs. Holds no tensor between calls; the network is borrowed.
 *
 * @example
 * const scorer = new LpipsScorer(network, { range: [0, 1] });
 * await scorer.update(real, generated); // [batch, height, width, 3] each
 * console.log(formatScore(scorer.compute()));
 */
export class LpipsScorer {
  readonly #network: Lpips;
  readonly #range: ValueRange;
  readonly #mean = new RunningMean();
  #least = Infinity;
  #small = 0;

  constructor(network: Lpips, { range }: LpipsRange) {
    assertRange('LpipsScorer', range);
    this.#network = network;
    this.#range = range;
  }

  /**
   * Takes a batch of pairs, borrowed; await each call.
   *
   * @returns their distances.
   */
  async update(real: tf.Tensor4D, generated: tf.Tensor4D): Promise<Float32Array> {
    const [, height, width] = real.shape;
    const { distances, least } = await measure('LpipsScorer.update', this.#network, real, generated, {
      range: this.#range,
    });
    for (const distance of distances) this.#mean.add(distance);
    this.#least = Math.min(this.#least, least);
    if (Math.min(height, width) < SENSIBLE_SIDE) this.#small += distances.length;
    return distances;
  }

  /** @throws Error before the first pair. */
  compute(): MetricScore {
    const value = this.#mean.mean('LpipsScorer.compute');
    const { net, epsilon } = this.#network;
    const [low, high] = this.#range;
    const notes: string[] = [];
    if (this.#small > 0)
      notes.push(
        `${this.#small} of ${this.#mean.count} pairs are below ${SENSIBLE_SIDE} pixels, where LPIPS is not reliable`,
      );
    if (low < 0 && this.#least >= 0) {
      notes.push(
        `no value was below 0: if the images are in 0..${high}, pass that range: as ${low}..${high} their distances are too small`,
      );
    }
    return {
      metric: 'lpips',
      value,
      samples: this.#mean.count,
      convention: `v0.1, ${NETS[net].title}, epsilon as ${epsilon === 'reference' ? 'the reference' : 'torchmetrics'}, RGB, images at their own size`,
      notes,
    };
  }

  reset(): void {
    this.#mean.reset();
    this.#least = Infinity;
    this.#small = 0;
  }
}
