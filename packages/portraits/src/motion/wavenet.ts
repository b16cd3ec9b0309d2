import { Conv1d, Dropout, leakyRelu, Module, type Random } from '@lipsync/nn';
import * as tf from '@tensorflow/tfjs-core';

/** Sizes of a `WaveNet`. */
type WaveNetSizes = {
  /** Values of an input step. */
  inputs: number;
  /** Values of an output step. */
  outputs: number;
  /** Values of a condition step. */
  condition: number;
  channels: number;
  skipChannels: number;
  /** Blocks of residual layers. */
  blocks: number;
  /** Layers of a block; their dilations are 1, 2, 4, …. */
  layers: number;
};

/** Slope of the leaky ReLU below 0. */
const LEAK = 0.2;

/** Dilations of all layers. */
export function dilationsOf({ blocks, layers }: Pick<WaveNetSizes, 'blocks' | 'layers'>): number[] {
  return Array.from({ length: blocks * layers }, (_, i) => 2 ** (i % layers));
}

/** Sums of the rows `[batch, time, in]` with a weight `[in, out]` and a bias `[out]`. */
function dense(x: tf.Tensor3D, weight: tf.Tensor2D, bias: tf.Tensor): tf.Tensor3D {
  const [batch, time, values] = x.shape;
  const product = tf.matMul(tf.reshape<tf.Rank.R2>(x, [batch * time, values]), weight);
  return tf.reshape(tf.add(product, bias), [batch, time, weight.shape[1]]);
}

/** A convolution's weights `[steps, in, out]` as one matrix `[steps · in, out]`. */
function matrix(conv: Conv1d): tf.Tensor2D {
  const [steps, inputs, outputs] = conv.weight.shape;
  return tf.reshape(conv.weight, [steps * inputs, outputs]);
}

/** A convolution over one step: a linear layer. `[batch, time, in]` to `[batch, time, out]`. */
function pointwise(conv: Conv1d, x: tf.Tensor3D): tf.Tensor3D {
  return dense(x, matrix(conv), conv.bias);
}

/** The same sequence `steps` later, zeros before it. */
function later(x: tf.Tensor3D, steps: number): tf.Tensor3D {
  const [batch, time, channels] = x.shape;
  const moved = Math.min(steps, time);
  const start = tf.zeros<tf.Rank.R3>([batch, moved, channels]);
  return moved === time ? start : tf.concat3d([start, tf.slice3d(x, [0, 0, 0], [batch, time - moved, channels])], 1);
}

/** Dropout of whole channels: `torch.nn.Dropout2d` on `[batch, channels, time]`. */
class ChannelDropout extends Dropout {
  /** `[batch, time, channels]` each. */
  override forward<T extends tf.Tensor>(x: T): T {
    const [batch, , channels] = x.shape;
    return tf.tidy(() => tf.mul(x, super.forward(tf.ones([batch, 1, channels])))) as T;
  }
}

/** A convolution that files have, but that no output depends on: saved, not trained. */
class UnusedConv1d extends Conv1d {
  override namedParameters(): ReturnType<Conv1d['namedParameters']> {
    return new Map();
  }

  override namedBuffers(): ReturnType<Conv1d['namedBuffers']> {
    return super.namedParameters();
  }
}

/**
 * A gated residual layer: `z = tanh(F * x + Fc c) σ(G * x + Gc c)` with convolutions `F, G` over a step and the one
 * `dilation` before; gives `x + R z` to the next layer and `S z` to the sum of all.
 */
class ResidualLayer extends Module {
  readonly #dilation: number;
  readonly #convs: Record<'filter' | 'gate' | 'residual' | 'skip' | 'conditionFilter' | 'conditionGate', Conv1d>;

  constructor(
    sizes: WaveNetSizes,
    { dilation, isLast, random }: { dilation: number; isLast: boolean; random: Random },
  ) {
    super();
    const { channels, skipChannels, condition } = sizes;
    this.#dilation = dilation;
    const conv = (name: string, inChannels: number, outChannels: number, kernelSize = 1) =>
      this.register(name, new Conv1d({ inChannels, outChannels, kernelSize, random }));
    const last = { inChannels: channels, outChannels: channels, kernelSize: 1, random };
    this.#convs = {
      filter: conv('filter_conv', channels, channels, 2),
      gate: conv('gate_conv', channels, channels, 2),
      residual: isLast
        ? this.register('residual_conv', new UnusedConv1d(last))
        : conv('residual_conv', channels, channels),
      skip: conv('skip_conv', channels, skipChannels),
      conditionFilter: conv('cond_filter_conv', condition, channels),
      conditionGate: conv('cond_gate_conv', condition, channels),
    };
  }

  /** What a condition `[batch, time, condition]` adds to filter and gate: `[batch, time, 2 · channels]`. */
  conditionSums(condition: tf.Tensor3D): tf.Tensor3D {
    const { conditionFilter, conditionGate } = this.#convs;
    const weight = tf.concat2d([matrix(conditionFilter), matrix(conditionGate)], 1);
    return dense(condition, weight, tf.concat([conditionFilter.bias, conditionGate.bias]));
  }

  /** `x` `[batch, time, channels]`, `sums` of `conditionSums`. */
  forward(x: tf.Tensor3D, sums: tf.Tensor3D): { x: tf.Tensor3D; skip: tf.Tensor3D } {
    const { filter, gate, residual, skip } = this.#convs;
    const [batch, time, channels] = x.shape;
    const both = tf.concat3d([later(x, this.#dilation), x], 2);
    const weight = tf.concat2d([matrix(filter), matrix(gate)], 1);
    const all = tf.add<tf.Tensor3D>(dense(both, weight, tf.concat([filter.bias, gate.bias])), sums);
    const part = (from: number) => tf.slice3d(all, [0, 0, from], [batch, time, channels]);
    const z = tf.mul<tf.Tensor3D>(tf.tanh(part(0)), tf.sigmoid(part(channels)));
    return { x: tf.add<tf.Tensor3D>(pointwise(residual, z), x), skip: pointwise(skip, z) };
  }
}

/**
 * A conditional WaveNet: causal, with dilated gated residual layers whose skip connections are summed.
 *
 * Source: Live Speech Portraits, `WaveNet`, parameter names alike.
 */
export class WaveNet extends Module {
  readonly #dropout: ChannelDropout;
  readonly #start: Conv1d[];
  readonly #layers: ResidualLayer[];
  readonly #end: Conv1d[];

  /** @param options.dropout share of the input's channels that training drops. */
  constructor(sizes: WaveNetSizes, { random, dropout, seed }: { random: Random; dropout: number; seed: number }) {
    super();
    const { inputs, outputs, channels, skipChannels } = sizes;
    const conv = (name: string, inChannels: number, outChannels: number) =>
      this.register(name, new Conv1d({ inChannels, outChannels, kernelSize: 1, random }));
    this.#dropout = this.register('drop_out2D', new ChannelDropout({ rate: dropout, seed }));
    this.#start = [conv('start_conv1', inputs, channels), conv('start_conv2', channels, channels)];
    this.#layers = dilationsOf(sizes).map((dilation, i, { length }) =>
      this.register(
        `residual_blocks.${i}`,
        new ResidualLayer(sizes, { dilation, isLast: i === length - 1, random }), // its sum goes nowhere
      ),
    );
    this.#end = [conv('end_conv_1', skipChannels, outputs), conv('end_conv_2', outputs, outputs)];
  }

  /** What a condition `[batch, time, condition]` adds in each layer, `[batch, time, 2 · channels]` each. */
  conditionSums(condition: tf.Tensor3D): tf.Tensor3D[] {
    return this.#layers.map((layer) => layer.conditionSums(condition));
  }

  /** `input` `[batch, time, inputs]`, `condition` `[batch, time, condition]`; gives `[batch, time, outputs]`. */
  forward(input: tf.Tensor3D, condition: tf.Tensor3D): tf.Tensor3D {
    this.assertUsable();
    return tf.tidy(() => {
      let x = this.#start.reduce((y, conv) => leakyRelu(pointwise(conv, y), LEAK), this.#dropout.forward(input));
      const skips: tf.Tensor3D[] = [];
      for (const [i, sums] of this.conditionSums(condition).entries()) {
        const next = this.#layers[i].forward(x, sums);
        skips.push(next.skip);
        x = next.x;
      }
      return this.#end.reduce((y, conv) => pointwise(conv, leakyRelu(y, LEAK)), tf.addN(skips));
    });
  }
}
