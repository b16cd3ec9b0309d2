import type { NamedArray } from '@lipsync/checkpoints';
import type { HeadPoseConfig } from './head-pose-network';
import { dilationsOf } from './wavenet';

/** A linear map, `weight` `[rows, columns]` as PyTorch has it. */
type Dense = { weight: Float32Array; bias: Float32Array };

type Layer = {
  dilation: number;
  filter: Dense;
  gate: Dense;
  residual: Dense;
  skip: Dense;
  /** The layer's inputs of the last `dilation` frames, a ring `[dilation, channels]`. */
  past: Float64Array;
};

/**
 * The WaveNet of a `HeadPoseNetwork` frame by frame: what each layer needs of the past is kept, so a frame costs one
 * column of the network in place of the whole receptive field. In float64.
 */
export class PoseSampler {
  readonly #channels: number;
  readonly #start: Dense[];
  readonly #layers: Layer[];
  readonly #end: Dense[];
  readonly #skipChannels: number;
  #frame = 0;

  /** @param state of the network, in PyTorch's layout; kept. */
  constructor(state: Map<string, NamedArray>, config: HeadPoseConfig) {
    const dense = (name: string): Dense => ({
      weight: state.get(`WaveNet.${name}.weight`)!.data as Float32Array,
      bias: state.get(`WaveNet.${name}.bias`)!.data as Float32Array,
    });
    this.#channels = config.channels;
    this.#skipChannels = config.skipChannels;
    this.#start = [dense('start_conv1'), dense('start_conv2')];
    this.#end = [dense('end_conv_1'), dense('end_conv_2')];
    this.#layers = dilationsOf(config).map((dilation, i) => ({
      dilation,
      filter: dense(`residual_blocks.${i}.filter_conv`),
      gate: dense(`residual_blocks.${i}.gate_conv`),
      residual: dense(`residual_blocks.${i}.residual_conv`),
      skip: dense(`residual_blocks.${i}.skip_conv`),
      past: new Float64Array(dilation * config.channels),
    }));
  }

  /**
   * Begins as after an endless time of one pose and one condition.
   *
   * @param condition of `conditionSums`, one frame.
   */
  begin(pose: ArrayLike<number>, condition: Float32Array): void {
    this.#run(pose, condition, true);
    this.#frame = 0;
  }

  /**
   * The next frame's output, `[1 + 2 · poseSize]`.
   *
   * @param pose of the frame before. @param condition of `conditionSums`, one frame.
   */
  next(pose: ArrayLike<number>, condition: Float32Array): Float64Array {
    const skips = this.#run(pose, condition, false);
    this.#frame++;
    return this.#end.reduce<Float64Array>((y, layer) => apply(layer, leaky(y)), skips);
  }

  #run(pose: ArrayLike<number>, condition: Float32Array, begins: boolean): Float64Array {
    const channels = this.#channels;
    let x = this.#start.reduce<Float64Array>((y, layer) => leaky(apply(layer, y)), Float64Array.from(pose));
    const skips = new Float64Array(this.#skipChannels);
    for (const [i, { dilation, filter, gate, residual, skip, past }] of this.#layers.entries()) {
      const at = (this.#frame % dilation) * channels;
      if (begins) for (let k = 0; k < dilation; k++) past.set(x, k * channels);
      const both = new Float64Array(2 * channels); // per channel: the frame `dilation` before, and this one
      for (let c = 0; c < channels; c++) {
        both[2 * c] = past[at + c];
        both[2 * c + 1] = x[c];
      }
      past.set(x, at);
      const [filtered, gated] = [apply(filter, both), apply(gate, both)];
      const from = 2 * i * channels;
      const z = filtered.map(
        (value, c) =>
          Math.tanh(value + condition[from + c]) / (1 + Math.exp(-(gated[c] + condition[from + channels + c]))),
      );
      const [kept, skipped] = [apply(residual, z), apply(skip, z)];
      for (let c = 0; c < skips.length; c++) skips[c] += skipped[c];
      x = x.map((value, c) => value + kept[c]);
    }
    return skips;
  }
}

function apply({ weight, bias }: Dense, x: Float64Array): Float64Array {
  const columns = x.length;
  const y = new Float64Array(bias.length);
  for (let row = 0; row < y.length; row++) {
    // Two sums, since each addition waits for the one before.
    let [even, odd] = [bias[row], 0];
    let at = row * columns;
    let i = 0;
    for (; i + 1 < columns; i += 2, at += 2) {
      even += weight[at] * x[i];
      odd += weight[at + 1] * x[i + 1];
    }
    if (i < columns) even += weight[at] * x[i];
    y[row] = even + odd;
  }
  return y;
}

/** Leaky ReLU of slope 0.2. */
function leaky(x: Float64Array): Float64Array {
  return x.map((value) => (value < 0 ? 0.2 * value : value));
}
