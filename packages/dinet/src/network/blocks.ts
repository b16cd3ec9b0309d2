import {
  BatchNorm2d,
  Conv1d,
  Conv2d,
  GroupNorm,
  InstanceNorm2d,
  Module,
  type Random,
  relu,
  upsampleNearest2x,
} from '@lipsync/nn';
import * as tf from '@tensorflow/tfjs-core';

/** Normalisation of a convolution's output. `layer`: over all channels and places of a sample. */
export type NormKind = 'batch' | 'layer' | 'instance' | 'none';

/** A module that maps one tensor `[batch, ..., channels]` to one of the same axes. */
export type Part = Module & { forward(x: tf.Tensor): tf.Tensor };

/** `torch.nn.InstanceNorm1d` or `2d` with PyTorch's defaults: no parameters, no running statistics. */
class InstanceNorm extends Module {
  readonly #norm: InstanceNorm2d;
  constructor(channels: number) {
    super();
    this.#norm = this.register('norm', new InstanceNorm2d({ channels })); // without parameters, so it adds no name to the state dict
  }
  /** `[batch, height, width, channels]` or `[batch, steps, channels]`; the result is like `x`. */
  forward(x: tf.Tensor): tf.Tensor {
    if (x.rank === 4) return this.#norm.forward(x);
    const [batch, steps, channels] = x.shape;
    return tf.tidy(() => tf.reshape(this.#norm.forward(tf.reshape(x, [batch, 1, steps, channels])), x.shape));
  }
}

class Unchanged extends Module {
  /** `x` of any rank; the result is like `x`. */
  forward(x: tf.Tensor): tf.Tensor {
    return tf.clone(x);
  }
}

/**
 * The norm layer of a block, over frames `[batch, height, width, channels]` or over time `[batch, steps, channels]`.
 *
 * `batch`: `torch.nn.BatchNorm1d/2d`; `instance`: `torch.nn.InstanceNorm1d/2d` (no parameters, no running statistics);
 * `layer`: `torch.nn.GroupNorm(1, channels)`; `none` copies. Epsilon 1e-5.
 */
export function makeNorm(kind: NormKind, channels: number): Part {
  if (kind === 'batch') return new BatchNorm2d({ channels });
  if (kind === 'layer') return new GroupNorm({ groups: 1, channels });
  return kind === 'instance' ? new InstanceNorm(channels) : new Unchanged();
}

export type BlockOptions = {
  /** 1: over time `[batch, steps, channels]`. 2: over frames `[batch, height, width, channels]`. */
  dimensions: 1 | 2;
  inChannels: number;
  outChannels: number;
  /** Odd; the padding is half of it on all sides. */
  kernelSize: number;
  norm: NormKind;
  /** Source of the first weights. */
  random: Random;
};

type ConvOptions = Omit<BlockOptions, 'norm'> & { stride?: number };

const makeConv = ({ dimensions, kernelSize, ...options }: ConvOptions): Part => {
  const sizes = { ...options, kernelSize, padding: kernelSize >> 1 };
  return dimensions === 1 ? new Conv1d(sizes) : new Conv2d(sizes);
};

/**
 * Convolution, norm, ReLU; keys `conv` and `norm`.
 *
 * Source: MRzzm/DINet, `SameBlock1d/2d`, and `DownBlock1d/2d` with stride 2, which halves each side, rounded up.
 */
export class SameBlock extends Module {
  readonly #conv: Part;
  readonly #norm: Part;

  constructor({ norm, ...conv }: BlockOptions & { stride?: number }) {
    super();
    this.#conv = this.register('conv', makeConv(conv));
    this.#norm = this.register('norm', makeNorm(norm, conv.outChannels));
  }

  /**
   * @param x float32 `[batch, ..., inChannels]`, borrowed.
   * @returns `[batch, ..., outChannels]`. The caller disposes it.
   */
  forward(x: tf.Tensor): tf.Tensor {
    return tf.tidy(() => relu(this.#norm.forward(this.#conv.forward(x))));
  }
}

/** `SameBlock` with stride 2. */
export class DownBlock extends SameBlock {
  constructor(options: BlockOptions) {
    super({ ...options, stride: 2 });
  }
}

/** Nearest-pixel upsampling by 2, then a `SameBlock` of 3 x 3. Source: MRzzm/DINet, `UpBlock2d`. */
export class UpBlock extends SameBlock {
  constructor(options: Omit<BlockOptions, 'dimensions' | 'kernelSize'>) {
    super({ ...options, dimensions: 2, kernelSize: 3 });
  }

  /** `[batch, height, width, inChannels]` to `[batch, 2 height, 2 width, outChannels]`. The caller disposes it. */
  override forward(x: tf.Tensor): tf.Tensor {
    return tf.tidy(() => super.forward(upsampleNearest2x(x as tf.Tensor4D)));
  }
}

/**
 * Twice norm, ReLU, convolution; then the input is added, through a 1 x 1 convolution where the channels change. No
 * activation after the sum. Keys `norm1`, `conv1` (keeps the channels), `norm2`, `conv2`, `channel_conv`.
 *
 * Source: MRzzm/DINet, `ResBlock1d/2d`.
 */
export class ResBlock extends Module {
  readonly #conv1: Part;
  readonly #conv2: Part;
  readonly #channelConv: Part | undefined;
  readonly #norm1: Part;
  readonly #norm2: Part;

  constructor({ norm, ...conv }: BlockOptions) {
    super();
    const { inChannels, outChannels } = conv;
    this.#conv1 = this.register('conv1', makeConv({ ...conv, outChannels: inChannels }));
    this.#conv2 = this.register('conv2', makeConv(conv));
    this.#channelConv =
      inChannels === outChannels ? undefined : this.register('channel_conv', makeConv({ ...conv, kernelSize: 1 }));
    this.#norm1 = this.register('norm1', makeNorm(norm, inChannels));
    this.#norm2 = this.register('norm2', makeNorm(norm, inChannels));
  }

  /**
   * @param x float32 `[batch, ..., inChannels]`, borrowed.
   * @returns `[batch, ..., outChannels]`. The caller disposes it.
   */
  forward(x: tf.Tensor): tf.Tensor {
    return tf.tidy(() => {
      const inner = this.#conv1.forward(relu(this.#norm1.forward(x)));
      return tf.add(this.#conv2.forward(relu(this.#norm2.forward(inner))), this.#channelConv?.forward(x) ?? x);
    });
  }
}

/** Parts in sequence, numbered from 0, as `torch.nn.Sequential` names them. */
export class Sequence extends Module {
  readonly #parts: Part[];

  constructor(parts: Part[]) {
    super();
    this.#parts = parts.map((part, index) => this.register(String(index), part));
  }

  /**
   * @param x `[batch, ..., channels]` as the first part takes it, borrowed.
   * @returns the output of the last part, `[batch, ..., channels]`. The caller disposes it.
   */
  forward(x: tf.Tensor): tf.Tensor {
    return tf.tidy(() => this.#parts.reduce((y, part) => part.forward(y), x));
  }
}
