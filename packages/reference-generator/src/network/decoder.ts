import { Conv2d, Module, Random } from '@lipsync/nn';
import * as tf from '@tensorflow/tfjs-core';
import { resizeBilinear } from '../image/resize-bilinear';
import { mapSides, type ReferenceGeneratorConfig } from './config';
import { ConvBlock, ConvBlocks, keepingBlocks } from './conv-block';
import { RESIDUAL_BLOCKS, stageChannels } from './encoders';

/** What the decoder works from. Maps from full size on, as the encoders give them. */
type DecoderInput = {
  /** `[n, 96 width]`: embeddings of frame, references and audio. */
  bottleneck: tf.Tensor2D;
  /** `[n, 32 width]`. */
  audio: tf.Tensor2D;
  /** `[n, side, side, channels]` each. */
  frame: tf.Tensor4D[];
  /** Of the references, weighted; the same shapes; those larger than `largestSkip` are not read. */
  references: (tf.Tensor4D | undefined)[];
};

/** Side of the map that an audio embedding is first turned into. */
const AUDIO_SIDE = 3;

/** The audio embedding as a map: a convolution of one pixel to 3 x 3 places, resized, and one of 3 x 3. */
class AudioMap extends Module {
  readonly #places: ConvBlock;
  readonly #smooth: ConvBlock;
  readonly #channels: number;

  constructor(length: number, channels: number, random: Random) {
    super();
    this.#channels = channels;
    const places = { inChannels: length, outChannels: channels * AUDIO_SIDE ** 2, kernel: 1, random };
    this.#places = this.register('0', new ConvBlock(places));
    const smooth = { inChannels: channels, outChannels: channels, kernel: 3, padding: 1, random };
    this.#smooth = this.register('1', new ConvBlock(smooth));
  }

  /** `[n, length]` to `[n, side, side, channels]`. The caller disposes it. */
  forward(audio: tf.Tensor2D, side: number): tf.Tensor4D {
    return tf.tidy(() => {
      const [n, length] = audio.shape;
      const values = this.#places.forward(tf.reshape(audio, [n, 1, 1, length]) as tf.Tensor4D);
      // As PyTorch's view(n, channels, 3, 3): the place varies fastest.
      const map = tf.transpose(tf.reshape(values, [n, this.#channels, AUDIO_SIDE, AUDIO_SIDE]), [0, 2, 3, 1]);
      return this.#smooth.forward(resizeBilinear(map as tf.Tensor4D, side));
    });
  }
}

/** A convolution block of 3 x 3 and a plain convolution of one pixel, numbered from 0, before the sigmoid. */
class Head extends Module {
  readonly #block: ConvBlock;
  readonly #last: Conv2d;

  constructor(channels: number, outChannels: number, random: Random) {
    super();
    const block = { inChannels: channels, outChannels: channels, kernel: 3, padding: 1, random };
    this.#block = this.register('0', new ConvBlock(block));
    this.#last = this.register('1', new Conv2d({ inChannels: channels, outChannels, kernelSize: 1, random }));
  }

  /** `[n, size, size, channels]` to `[n, size, size, outChannels]`, 0..1. The caller disposes it. */
  forward(x: tf.Tensor4D): tf.Tensor4D {
    return tf.tidy(() => tf.sigmoid(this.#last.forward(this.#block.forward(x))));
  }
}

/**
 * Embeddings to an image and a mask: the encoder's stages backwards, each a bilinear resize, the maps of that size
 * beside it, and convolutions.
 */
export class Decoder extends Module {
  readonly #sides: number[];
  readonly #largestSkip: number;
  readonly #bottleneck: ConvBlock;
  readonly #stages: ConvBlocks[] = [];
  readonly #audioMaps: AudioMap[] | undefined;
  readonly #image: Head;
  readonly #mask: Head | undefined;

  constructor(config: ReferenceGeneratorConfig, seed: number) {
    super();
    const { width, size, residual, audioSkips, maskHead, largestSkip } = config;
    const channels = stageChannels(width);
    const length = channels[channels.length - 1];
    const stream = (part: number) => new Random(seed, part);
    this.#sides = mapSides(size);
    this.#largestSkip = largestSkip;
    const bottleneck = { inChannels: 3 * length, outChannels: length, kernel: 1, random: stream(3) };
    this.#bottleneck = this.register('bottleneck', new ConvBlock(bottleneck));
    const ofAudio = (stage: number) => Math.max(1, channels[stage] >> 1);
    if (audioSkips) {
      this.#audioMaps = this.#sides.map((_, stage) => new AudioMap(length, ofAudio(stage), new Random(seed, 4, stage)));
    }
    for (let stage = channels.length - 1; stage >= 0; stage--) {
      const random = new Random(seed, 5, stage);
      const skipped = this.#sides[stage] <= largestSkip ? 2 * channels[stage] : 0;
      const inChannels = (channels[stage + 1] ?? length) + skipped + (audioSkips ? ofAudio(stage) : 0);
      const first = new ConvBlock({ inChannels, outChannels: channels[stage], kernel: 3, padding: 1, random });
      const kept = keepingBlocks(channels[stage], RESIDUAL_BLOCKS[stage], { residual, random });
      this.#stages[stage] = new ConvBlocks([first, ...kept]);
    }
    this.#stages.forEach((blocks, stage) => this.register(`stages.${stage}`, blocks));
    this.#audioMaps?.forEach((map, stage) => this.register(`audio_maps.${stage}`, map));
    this.#image = this.register('image_head', new Head(width, 3, stream(6)));
    if (maskHead) this.#mask = this.register('mask_head', new Head(width, 1, stream(7)));
  }

  /** `image` `[n, size, size, 3]` and `mask` `[n, size, size, 1]`, 0..1. The caller disposes them. */
  forward({ bottleneck, audio, frame, references }: DecoderInput): { image: tf.Tensor4D; mask?: tf.Tensor4D } {
    this.assertUsable();
    return tf.tidy(() => {
      const [n, length] = bottleneck.shape;
      let x = this.#bottleneck.forward(tf.reshape(bottleneck, [n, 1, 1, length]) as tf.Tensor4D);
      for (let stage = this.#stages.length - 1; stage >= 0; stage--) {
        const side = this.#sides[stage];
        const beside = side <= this.#largestSkip ? [frame[stage], references[stage] as tf.Tensor4D] : [];
        const heard = this.#audioMaps ? [this.#audioMaps[stage].forward(audio, side)] : [];
        x = this.#stages[stage].forward(tf.concat([resizeBilinear(x, side), ...beside, ...heard], 3));
      }
      const image = this.#image.forward(x);
      return this.#mask ? { image, mask: this.#mask.forward(x) } : { image };
    });
  }
}
