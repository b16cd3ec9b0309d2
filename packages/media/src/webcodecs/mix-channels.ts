import type { ChannelMix } from '@lipsync/contracts';
import { type ChannelLayout, ChannelMeter, meanWeights } from '../check/channel-meter';

/** What decoders call so many channels, in this order. */
const LAYOUTS = ['mono', 'stereo', '2.1', 'quad', '5.0', '5.1', '6.1', '7.1'];

/** The layout that ffmpeg assumes of so many channels. */
export function layoutOf(channels: number): ChannelLayout {
  return { name: LAYOUTS[channels - 1] ?? `${channels} channels`, channels };
}

/** The weight of each channel in the one that they become, by the mix; without one in ffmpeg's mean. */
export function mixWeights(layout: ChannelLayout, mix?: ChannelMix): number[] {
  const only = (values: readonly number[]) => Array.from({ length: layout.channels }, (_, i) => values[i] ?? 0);
  if (mix?.use === 'side') return only([0.5, -0.5]);
  if (mix?.use === 'channel') return only([]).map((_, channel) => Number(channel === mix.channel));
  return meanWeights(layout);
}

/** The sum of planes by their weights, in a new array. */
export function mixPlanes(planes: readonly Float32Array[], weights: readonly number[]): Float32Array {
  const out = new Float32Array(planes[0].length);
  for (const [channel, plane] of planes.entries()) {
    const weight = weights[channel];
    if (weight !== 0) for (let i = 0; i < out.length; i++) out[i] += weight * plane[i];
  }
  return out;
}

/** Edge below which the measurement of channels hears nothing, Hz: hum and wind. */
const LOW_HZ = 150;
/** Seconds of a block. */
const BLOCK_SEC = 0.05;

/** How the channels of planes that come one after the other should become one, as `measureChannels` of ffmpeg's reader. */
export class PlaneMeter {
  readonly #meter: ChannelMeter;
  readonly #filters: HighPass[];
  readonly #block: Float32Array;
  #filled = 0;

  constructor(layout: ChannelLayout, sampleRate: number) {
    this.#meter = new ChannelMeter(layout);
    this.#filters = Array.from({ length: layout.channels }, () => new HighPass(LOW_HZ, sampleRate));
    this.#block = new Float32Array(Math.round(BLOCK_SEC * sampleRate) * layout.channels);
  }

  add(planes: readonly Float32Array[]): void {
    for (let i = 0; i < planes[0].length; i++) {
      for (const [channel, plane] of planes.entries())
        this.#block[this.#filled++] = this.#filters[channel].next(plane[i]);
      if (this.#filled < this.#block.length) continue;
      this.#meter.add(this.#block);
      this.#filled = 0;
    }
  }

  mix(): ChannelMix | undefined {
    return this.#meter.mix();
  }
}

/** A second-order Butterworth high-pass: ffmpeg's `highpass`, by the Audio EQ Cookbook. */
class HighPass {
  readonly #b0: number;
  readonly #b1: number;
  readonly #a1: number;
  readonly #a2: number;
  #state1 = 0;
  #state2 = 0;

  constructor(edgeHz: number, sampleRate: number) {
    const turn = (2 * Math.PI * edgeHz) / sampleRate;
    const alpha = Math.sin(turn) * Math.SQRT1_2;
    const cosine = Math.cos(turn);
    const a0 = 1 + alpha;
    this.#b0 = (1 + cosine) / 2 / a0;
    this.#b1 = -(1 + cosine) / a0;
    this.#a1 = (-2 * cosine) / a0;
    this.#a2 = (1 - alpha) / a0;
  }

  next(x: number): number {
    const y = this.#b0 * x + this.#state1;
    this.#state1 = this.#b1 * x - this.#a1 * y + this.#state2;
    this.#state2 = this.#b0 * x - this.#a2 * y;
    return y;
  }
}
