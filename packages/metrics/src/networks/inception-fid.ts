import type { NamedArray } from '@lipsync/checkpoints';
import { fail } from '@lipsync/contracts';
import { Module } from '@lipsync/nn';
import * as tf from '@tensorflow/tfjs-core';
import { ConvUnit, type ConvUnitOptions, withBatchCounters } from './conv-unit';

/** Where features may be taken: after the first and the second max pool, before block 7a, after the last block. */
export const INCEPTION_FEATURES = [64, 192, 768, 2048] as const;

/** The number of features of an Inception layer: 64, 192, 768 or 2048. */
export type InceptionFeatures = (typeof INCEPTION_FEATURES)[number];

/** The last block still has one pixel. */
const LEAST_SIDE = 75;

type Layer = (x: tf.Tensor4D) => tf.Tensor4D;
type Kernel = ConvUnitOptions['kernelSize'];

const maxPool = (x: tf.Tensor4D): tf.Tensor4D => tf.maxPool(x, 3, 2, 'valid');
const maxPoolSame = (x: tf.Tensor4D): tf.Tensor4D => tf.maxPool(x, 3, 1, 'same');
/** Of pixels inside only, as TensorFlow averages: torchvision's counts the padding. */
const averagePool = (x: tf.Tensor4D): tf.Tensor4D => tf.avgPool(x, 3, 1, 'same');

/** Branches over one input, side by side in the channels. */
abstract class Block extends Module {
  protected readonly inChannels: number;
  protected branches: Layer[] = [];

  constructor(inChannels: number) {
    super();
    this.inChannels = inChannels;
  }

  forward(x: tf.Tensor4D): tf.Tensor4D {
    return tf.tidy(() =>
      tf.concat(
        this.branches.map((branch) => branch(x)),
        3,
      ),
    );
  }

  /** A unit that keeps the size. */
  protected unit(name: string, outChannels: number, kernelSize: Kernel = 1, inChannels = this.inChannels): Layer {
    const unit = this.register(name, new ConvUnit({ inChannels, outChannels, kernelSize, pad: 'same' }));
    return (x) => unit.forward(x);
  }

  /** A 3x3 unit that halves the size. */
  protected halving(name: string, outChannels: number, inChannels = this.inChannels): Layer {
    const unit = this.register(name, new ConvUnit({ inChannels, outChannels, kernelSize: 3, stride: 2 }));
    return (x) => unit.forward(x);
  }
}

function chain(...layers: Layer[]): Layer {
  return (x) => layers.reduce((value, layer) => layer(value), x);
}

class BlockA extends Block {
  constructor(inChannels: number, poolChannels: number) {
    super(inChannels);
    this.branches = [
      this.unit('branch1x1', 64),
      chain(this.unit('branch5x5_1', 48), this.unit('branch5x5_2', 64, 5, 48)),
      chain(
        this.unit('branch3x3dbl_1', 64),
        this.unit('branch3x3dbl_2', 96, 3, 64),
        this.unit('branch3x3dbl_3', 96, 3, 96),
      ),
      chain(averagePool, this.unit('branch_pool', poolChannels)),
    ];
  }
}

class BlockB extends Block {
  constructor(inChannels: number) {
    super(inChannels);
    this.branches = [
      this.halving('branch3x3', 384),
      chain(
        this.unit('branch3x3dbl_1', 64),
        this.unit('branch3x3dbl_2', 96, 3, 64),
        this.halving('branch3x3dbl_3', 96, 96),
      ),
      maxPool,
    ];
  }
}

class BlockC extends Block {
  /** @param width Channels of the 7x7 branches. */
  constructor(width: number) {
    super(768);
    this.branches = [
      this.unit('branch1x1', 192),
      chain(
        this.unit('branch7x7_1', width),
        this.unit('branch7x7_2', width, [1, 7], width),
        this.unit('branch7x7_3', 192, [7, 1], width),
      ),
      chain(
        this.unit('branch7x7dbl_1', width),
        this.unit('branch7x7dbl_2', width, [7, 1], width),
        this.unit('branch7x7dbl_3', width, [1, 7], width),
        this.unit('branch7x7dbl_4', width, [7, 1], width),
        this.unit('branch7x7dbl_5', 192, [1, 7], width),
      ),
      chain(averagePool, this.unit('branch_pool', 192)),
    ];
  }
}

class BlockD extends Block {
  constructor() {
    super(768);
    this.branches = [
      chain(this.unit('branch3x3_1', 192), this.halving('branch3x3_2', 320, 192)),
      chain(
        this.unit('branch7x7x3_1', 192),
        this.unit('branch7x7x3_2', 192, [1, 7], 192),
        this.unit('branch7x7x3_3', 192, [7, 1], 192),
        this.halving('branch7x7x3_4', 192, 192),
      ),
      maxPool,
    ];
  }
}

class BlockE extends Block {
  constructor(inChannels: number, pool: Layer) {
    super(inChannels);
    const fork = (name: string): Layer => {
      const [wide, high] = [this.unit(`${name}a`, 384, [1, 3], 384), this.unit(`${name}b`, 384, [3, 1], 384)];
      return (x) => tf.concat([wide(x), high(x)], 3);
    };
    this.branches = [
      this.unit('branch1x1', 320),
      chain(this.unit('branch3x3_1', 384), fork('branch3x3_2')),
      chain(this.unit('branch3x3dbl_1', 448), this.unit('branch3x3dbl_2', 384, 3, 448), fork('branch3x3dbl_3')),
      chain(pool, this.unit('branch_pool', 192)),
    ];
  }
}

/**
 * The Inception-v3 of the Fréchet inception distance: TensorFlow's network of 2015-12-05 with 1008 classes, which is
 * not torchvision's.
 *
 * Names and shapes are torchvision's `inception_v3` without `AuxLogits` and `fc`; the differences are that average
 * pools exclude the padding (blocks A, C and the first E) and that the last block takes the maximum. Takes
 * pytorch-fid's `pt_inception-2015-12-05-6726825d.pth` by name; its `fc` is ignored. 21,785,568 parameters.
 *
 * Source: Szegedy et al. 2015 (arXiv:1512.00567) and pytorch-fid's description. Against torchvision's blocks with these
 * pools, random weights: 2e-6 of the largest feature.
 *
 * `forward` throws before `loadStateDict`: an untrained network gives no FID.
 *
 * @example
 * const network = new InceptionFid();
 * network.loadStateDict(state);
 * const features = network.forward(images); // [batch, 299, 299, 3] in -1..1 to [batch, 2048]
 */
export class InceptionFid extends Module {
  readonly #stages: { features: InceptionFeatures; layers: Layer[] }[];
  #isLoaded = false;

  constructor() {
    super();
    const stem = (name: string, options: ConvUnitOptions): Layer => {
      const unit = this.register(name, new ConvUnit(options));
      return (x) => unit.forward(x);
    };
    const block = (name: string, module: Block): Layer => {
      this.register(name, module);
      return (x) => module.forward(x);
    };
    this.#stages = [
      {
        features: 64,
        layers: [
          stem('Conv2d_1a_3x3', { inChannels: 3, outChannels: 32, kernelSize: 3, stride: 2 }),
          stem('Conv2d_2a_3x3', { inChannels: 32, outChannels: 32, kernelSize: 3 }),
          stem('Conv2d_2b_3x3', { inChannels: 32, outChannels: 64, kernelSize: 3, pad: 'same' }),
          maxPool,
        ],
      },
      {
        features: 192,
        layers: [
          stem('Conv2d_3b_1x1', { inChannels: 64, outChannels: 80, kernelSize: 1 }),
          stem('Conv2d_4a_3x3', { inChannels: 80, outChannels: 192, kernelSize: 3 }),
          maxPool,
        ],
      },
      {
        features: 768,
        layers: [
          block('Mixed_5b', new BlockA(192, 32)),
          block('Mixed_5c', new BlockA(256, 64)),
          block('Mixed_5d', new BlockA(288, 64)),
          block('Mixed_6a', new BlockB(288)),
          block('Mixed_6b', new BlockC(128)),
          block('Mixed_6c', new BlockC(160)),
          block('Mixed_6d', new BlockC(160)),
          block('Mixed_6e', new BlockC(192)),
        ],
      },
      {
        features: 2048,
        layers: [
          block('Mixed_7a', new BlockD()),
          block('Mixed_7b', new BlockE(1280, averagePool)),
          block('Mixed_7c', new BlockE(2048, maxPoolSame)),
        ],
      },
    ];
    this.eval();
  }

  /**
   * Loads weights by name: pytorch-fid's file, or torchvision's names in any other. `fc.*` and `AuxLogits.*` are
   * ignored.
   *
   * @throws Error for torchvision's ImageNet network (1000 classes), and where names are missing, unused or misshapen.
   */
  override loadStateDict(state: Map<string, NamedArray>, options: { where?: string } = {}): void {
    const where = options.where ?? 'InceptionFid.loadStateDict';
    const classes = state.get('fc.weight')?.shape[0];
    if (classes !== undefined && classes !== 1008) {
      const rule = 'the Inception-v3 of FID, with 1008 classes (pt_inception-2015-12-05)';
      fail(
        Error,
        where,
        'state',
        rule,
        `another network, of ${classes} classes${classes === 1000 ? " (torchvision's)" : ''}`,
      );
    }
    const kept = [...withBatchCounters(state)].filter(([name]) => !/^(fc|AuxLogits)\./.test(name));
    super.loadStateDict(new Map(kept), { where });
    this.#isLoaded = true;
  }

  /**
   * Mean features of images.
   *
   * @param x float32 `[batch, height, width, 3]`, RGB in -1..1; both sides at least 75, 299 for FID.
   * @param features how many, which tells the depth. Default 2048.
   * @returns float32 `[batch, features]`. The caller disposes it.
   * @throws TypeError for another shape, Error before weights are loaded.
   */
  forward(x: tf.Tensor4D, features: InceptionFeatures = 2048): tf.Tensor2D {
    this.assertUsable();
    if (!this.#isLoaded)
      fail(Error, 'InceptionFid.forward', 'this network', 'one with weights (call loadStateDict first)', 'one without');
    if (!INCEPTION_FEATURES.includes(features)) {
      fail(RangeError, 'InceptionFid.forward', 'features', INCEPTION_FEATURES.join(', '), features);
    }
    if (x.rank !== 4 || x.shape[3] !== 3 || x.shape[1] < LEAST_SIDE || x.shape[2] < LEAST_SIDE) {
      const rule = `of shape [batch, height, width, 3], both sides at least ${LEAST_SIDE}`;
      fail(TypeError, 'InceptionFid.forward', 'x', rule, x.shape);
    }
    const depth = INCEPTION_FEATURES.indexOf(features) + 1;
    const layers = this.#stages.slice(0, depth).flatMap((stage) => stage.layers);
    return tf.tidy(() => {
      let value = x;
      for (const layer of layers) {
        const next = layer(value);
        if (value !== x) value.dispose(); // not left to tidy: 60 MB per image in all layers together
        value = next;
      }
      return tf.mean<tf.Tensor2D>(value, [1, 2]);
    });
  }
}
