import type { ByteInput } from '@lipsync/checkpoints';
import { fail } from '@lipsync/contracts';
import { BatchNorm2d, Conv2d, Module, Network, Random, relu, upsampleNearest2x } from '@lipsync/nn';
import * as tf from '@tensorflow/tfjs-core';
import { assertSizes, loadNetwork, type NetworkKind, saveNetwork } from '../network/network-file';

/** Sizes of a `PortraitRenderer`. */
export type RendererConfig = {
  /** Side of the frames in pixels, a multiple of `2^levels`. */
  size: number;
  /** Levels of the U-Net, each half as large as the one above; at least 5. */
  levels: number;
  /** Channels of the first level; 2, 4 and 8 times as many below. */
  channels: number;
  /** Channels of the input: an edge map and the candidates' RGB. */
  inputs: number;
  /** Residual blocks on each side of a level: 1, or 2 in the published "large" variant. */
  residualBlocks: number;
};

/** The published renderer: 512 pixels, 8 levels, the smallest 2 x 2 pixels; 76 million parameters. */
export const RENDERER: Readonly<RendererConfig> = Object.freeze({
  size: 512,
  levels: 8,
  channels: 64,
  inputs: 13,
  residualBlocks: 1,
});

/** For 256 pixels: 7 levels, so that the smallest keeps 2 x 2 pixels, and half the channels; 15 million parameters. */
export const RENDERER_256: Readonly<RendererConfig> = Object.freeze({
  ...RENDERER,
  size: 256,
  levels: 7,
  channels: 32,
});

/** For 128 pixels: 6 levels and a quarter of the channels; 2.7 million parameters, to be trained on a processor. */
export const RENDERER_128: Readonly<RendererConfig> = Object.freeze({
  ...RENDERER,
  size: 128,
  levels: 6,
  channels: 16,
});

function conv3x3(inChannels: number, outChannels: number, random: Random, stride = 1): Conv2d {
  return new Conv2d({ inChannels, outChannels, kernelSize: 3, padding: 1, stride, bias: false, random });
}

/** Twice convolution and norm, a ReLU between them; the input is added, then a ReLU. Keys `block.0`, `.1`, `.3`, `.4`. */
class ResidualBlock extends Module {
  readonly #convs: Conv2d[];
  readonly #norms: BatchNorm2d[];

  constructor(channels: number, random: Random) {
    super();
    const part = (index: number) => ({
      conv: this.register(`block.${index}`, conv3x3(channels, channels, random)),
      norm: this.register(`block.${index + 1}`, new BatchNorm2d({ channels })),
    });
    const parts = [part(0), part(3)];
    this.#convs = parts.map(({ conv }) => conv);
    this.#norms = parts.map(({ norm }) => norm);
  }

  /** `[batch, height, width, channels]` each. */
  forward(x: tf.Tensor4D): tf.Tensor4D {
    const inner = relu(this.#norms[0].forward(this.#convs[0].forward(x)));
    return relu(tf.add(this.#norms[1].forward(this.#convs[1].forward(inner)), x));
  }
}

type LevelSizes = {
  /** Channels of the input. */
  inputs: number;
  /** Channels within. */
  inner: number;
  /** Channels that the level adds to its input; of the outermost, channels of the result. */
  outer: number;
  isOutermost: boolean;
  residualBlocks: number;
};

/**
 * A level of the U-Net: halved by a convolution, norm (not in the outermost and the innermost), ReLU, residual blocks;
 * the levels below; doubled, convolution, norm, ReLU, residual blocks (in the outermost only the convolution). All but
 * the outermost give their input and their result, side by side.
 *
 * The keys count the parts as `torch.nn.Sequential` does.
 */
class Level extends Module {
  readonly #isOutermost: boolean;
  readonly #down: { conv: Conv2d; norm?: BatchNorm2d; blocks: ResidualBlock[] };
  readonly #below: Level | undefined;
  readonly #up: { conv: Conv2d; norm?: BatchNorm2d; blocks: ResidualBlock[] };

  constructor({ inputs, inner, outer, isOutermost, residualBlocks }: LevelSizes, random: Random, below?: Level) {
    super();
    this.#isOutermost = isOutermost;
    let index = 0;
    const next = <M extends Module>(part: M, skipped = 0): M => {
      const registered = this.register(`${index}`, part);
      index += 1 + skipped; // parts without parameters: ReLU, upsampling
      return registered;
    };
    const blocks = (channels: number, count: number) =>
      Array.from({ length: count }, () => next(new ResidualBlock(channels, random)));
    const hasNorm = !isOutermost && below !== undefined;
    this.#down = {
      conv: next(conv3x3(inputs, inner, random, 2), hasNorm ? 0 : 1),
      norm: hasNorm ? next(new BatchNorm2d({ channels: inner }), 1) : undefined,
      blocks: blocks(inner, residualBlocks),
    };
    this.#below = below && this.register(`${index++}.model`, below);
    index++; // upsampling
    this.#up = {
      conv: next(conv3x3(below ? 2 * inner : inner, outer, random)),
      norm: isOutermost ? undefined : next(new BatchNorm2d({ channels: outer }), 1),
      blocks: isOutermost ? [] : blocks(outer, residualBlocks),
    };
  }

  /** `[batch, height, width, inputs]` to `[…, inputs + outer]`, of the outermost to `[…, outer]`. */
  forward(x: tf.Tensor4D): tf.Tensor4D {
    const { conv, norm, blocks } = this.#down;
    const halved = conv.forward(x);
    const first = relu(norm ? norm.forward(halved) : halved);
    const down = blocks.reduce((y, block) => block.forward(y), first);
    const below = this.#below ? this.#below.forward(down) : down;
    const doubled = this.#up.conv.forward(upsampleNearest2x(below));
    if (this.#isOutermost || !this.#up.norm) return doubled;
    const up = this.#up.blocks.reduce((y, block) => block.forward(y), relu(this.#up.norm.forward(doubled)));
    return tf.concat4d([x, up], 3);
  }
}

/** The levels from the innermost out. */
function makeLevels({ levels, channels, inputs, residualBlocks }: RendererConfig, random: Random): Level {
  const width = (level: number) => channels * 2 ** Math.min(3, level); // level 0 is the outermost
  let below: Level | undefined;
  for (let level = levels - 1; level >= 1; level--) {
    const outer = width(level - 1);
    below = new Level({ inputs: outer, inner: width(level), outer, isOutermost: false, residualBlocks }, random, below);
  }
  return new Level({ inputs, inner: channels, outer: 3, isOutermost: true, residualBlocks }, random, below);
}

/**
 * Draws a person: a U-Net with residual blocks that turns an edge map of the face, beside four photographs of the person
 * (candidates), into a frame.
 *
 * Source: Live Speech Portraits, `Feature2Face_G` ("normal" with one residual block, "large" with two): parameter names
 * `netG.model.model.0.weight`, `netG.model.model.2.block.0.weight`, …. Largest difference from PyTorch 1.13 with the same
 * weights: see README. Initial weights as PyTorch's layers have them; the published training draws N(0, 0.02).
 *
 * The caller calls `dispose()` when done.
 *
 * @throws RangeError for sizes that do not fit together.
 * @example
 * import { PortraitRenderer, RENDERER_128 } from '@lipsync/portraits';
 * import * as tf from '@tensorflow/tfjs-core';
 * const renderer = new PortraitRenderer(RENDERER_128, { seed: 0 }).eval();
 * const frames = renderer.render(tf.zeros([1, 128, 128, 1]), tf.zeros([1, 128, 128, 12])); // [1, 128, 128, 3]
 */
export class PortraitRenderer extends Network {
  readonly config: Readonly<RendererConfig>;
  readonly #levels: Level;

  /** @param options.seed of the first weights, an integer. */
  constructor(config: RendererConfig, { seed }: { seed: number }) {
    super();
    const where = 'PortraitRenderer';
    assertSizes(where, config, ['size', 'levels', 'channels', 'inputs', 'residualBlocks']);
    const { size, levels, channels, inputs, residualBlocks } = config;
    if (levels < 5) fail(RangeError, where, 'config.levels', 'at least 5', levels);
    if (size % 2 ** levels !== 0)
      fail(RangeError, where, 'config.size', `a multiple of 2^levels (${2 ** levels})`, size);
    this.config = { size, levels, channels, inputs, residualBlocks };
    this.#levels = this.register('netG.model.model', makeLevels(config, new Random(seed)));
  }

  /**
   * @param x float32 `[batch, size, size, inputs]`, -1..1: the edge map, then RGB of each candidate; borrowed.
   * @returns frames float32 `[batch, size, size, 3]`, RGB -1..1. The caller disposes them.
   * @throws TypeError for another shape.
   */
  forward(x: tf.Tensor4D): tf.Tensor4D {
    this.assertUsable();
    const { size, inputs } = this.config;
    if (x.rank !== 4 || x.shape.slice(1).join() !== [size, size, inputs].join()) {
      fail(TypeError, 'PortraitRenderer.forward', 'x', `of shape [batch, ${size}, ${size}, ${inputs}]`, x.shape);
    }
    return tf.tidy(() => tf.tanh(this.#levels.forward(x)));
  }

  /**
   * Frames of edge maps with the same candidates.
   *
   * @param edgeMaps float32 `[batch, size, size, 1]`, -1..1; borrowed.
   * @param candidates float32 `[1, size, size, inputs - 1]`, RGB of each, -1..1; borrowed.
   * @returns frames float32 `[batch, size, size, 3]`, RGB -1..1. The caller disposes them.
   * @throws TypeError for another shape.
   */
  render(edgeMaps: tf.Tensor4D, candidates: tf.Tensor4D): tf.Tensor4D {
    const { size, inputs } = this.config;
    if (candidates.shape.join() !== [1, size, size, inputs - 1].join()) {
      const rule = `of shape [1, ${size}, ${size}, ${inputs - 1}]`;
      fail(TypeError, 'PortraitRenderer.render', 'candidates', rule, candidates.shape);
    }
    return tf.tidy(() => {
      const [batch] = edgeMaps.shape;
      return this.forward(tf.concat4d([edgeMaps, tf.tile(candidates, [batch, 1, 1, 1])], 3));
    });
  }
}

const ROOT = 'netG.model.model';

/** The config that shapes imply; the size of the frames, which leaves no trace, keeps 2 x 2 pixels in the innermost. */
function configOf(
  shapes: Map<string, readonly number[]>,
  side: (name: string, axis: number) => number,
): RendererConfig {
  const residualBlocks = shapes.has(`${ROOT}.3.block.0.weight`) ? 2 : 1;
  let levels = 1;
  for (let prefix = ROOT; ; levels++) {
    const index = (levels === 1 ? 2 : 3) + residualBlocks;
    prefix += `.${index}.model`;
    if (!shapes.has(`${prefix}.0.weight`)) break;
  }
  const channels = side(`${ROOT}.0.weight`, 0);
  return { size: 2 ** (levels + 1), levels, channels, inputs: side(`${ROOT}.0.weight`, 1), residualBlocks };
}

const KIND: NetworkKind<RendererConfig, PortraitRenderer> = {
  name: 'renderer',
  title: 'of a portrait renderer',
  identifiedBy: `${ROOT}.2.block.0.weight`,
  configOf,
  make: (config) => new PortraitRenderer(config, { seed: 0 }),
};

/**
 * The renderer of a weights file: ours, or PyTorch's with the published names.
 *
 * @param source path (Node), URL, Blob or bytes; borrowed.
 * @returns in evaluation mode, `weightsHash` set. The caller disposes it.
 * @throws Error where the file belongs to another network, and one with every missing, unused and misshapen name.
 * @example
 * import { loadRenderer } from '@lipsync/portraits';
 * const renderer = await loadRenderer('Feature2Face.pkl');
 */
export function loadRenderer(source: ByteInput): Promise<PortraitRenderer> {
  return loadNetwork('loadRenderer', KIND, source);
}

/**
 * A renderer as the bytes of a safetensors file, with its config; `loadRenderer` reads it.
 *
 * @example
 * import { PortraitRenderer, RENDERER_128, saveRenderer } from '@lipsync/portraits';
 * const bytes = await saveRenderer(new PortraitRenderer(RENDERER_128, { seed: 0 }));
 */
export function saveRenderer(renderer: PortraitRenderer): Promise<Uint8Array> {
  return saveNetwork(KIND, renderer);
}
