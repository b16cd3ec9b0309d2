import type { ChannelMix } from '@lipsync/contracts';

/** The channels of an audio track, as ffmpeg names their layout: `stereo`, `5.1(side)`, `12 channels`. */
export type ChannelLayout = { name: string; channels: number };

/** What of each kind of channel goes into ffmpeg's mono; it leaves low frequency effects out. */
const WEIGHTS: Readonly<Record<string, number>> = { FC: 1, LFE: 0, FL: Math.SQRT1_2, FR: Math.SQRT1_2 };
const OTHER_WEIGHT = 0.5;

/** Places of the channels by layout; of others each channel counts alike. */
const PLACES: Readonly<Record<string, string>> = {
  stereo: 'FL FR',
  '2.1': 'FL FR LFE',
  '3.0': 'FL FR FC',
  '3.1': 'FL FR FC LFE',
  '4.0': 'FL FR FC BC',
  '4.1': 'FL FR FC LFE BC',
  quad: 'FL FR BL BR',
  'quad(side)': 'FL FR SL SR',
  '5.0': 'FL FR FC BL BR',
  '5.0(side)': 'FL FR FC SL SR',
  '5.1': 'FL FR FC LFE BL BR',
  '5.1(side)': 'FL FR FC LFE SL SR',
  '6.0': 'FL FR FC BC SL SR',
  '6.1': 'FL FR FC LFE BC SL SR',
  '7.0': 'FL FR FC BL BR SL SR',
  '7.1': 'FL FR FC LFE BL BR SL SR',
};

/** Levels of blocks that are told apart, in dB of full scale from `QUIETEST` on, one a step. */
const LEVELS = 80;
const QUIETEST = -60;
/** A block counts where it is at most this far below the loud ones, dB. */
const LOUD_RANGE = 25;
/** A block cancels where its sum has less than this share of the power of channels that have nothing in common. */
const CANCELLED = 0.5;
/** Share of blocks that cancel from which on the sum is not used. */
const SOME = 0.2;
/** Share from which on the first two channels are each other's negative. */
const MOST = 0.8;
/** A channel this far below the loudest, dB, has no sound of its own. */
const DEAD = 20;
/** Speech is taken from the centre where that is at most this far below the loudest, dB. */
const CENTRE = 12;

/** How loud the channels are at each level of loudness, and how often they cancel. Constant in size. */
export class ChannelMeter {
  readonly #weights: number[];
  /** For each level: blocks; those whose sum, or whose first two channels' sum, cancels; power of each channel. */
  readonly #levels: { blocks: number; cancelled: number; opposed: number; power: Float64Array }[];

  constructor(readonly layout: ChannelLayout) {
    this.#weights = weightsOf(layout);
    this.#levels = Array.from({ length: LEVELS }, () => ({
      ...{ blocks: 0, cancelled: 0, opposed: 0 },
      power: new Float64Array(layout.channels),
    }));
  }

  /** @param samples of one block, interleaved, full scale 1. */
  add(samples: Float32Array): void {
    const { channels } = this.layout;
    const power = new Float64Array(channels);
    const weights = this.#weights;
    let [sum, pair] = [0, 0];
    for (let at = 0; at + channels <= samples.length; at += channels) {
      let mixed = 0;
      for (let channel = 0; channel < channels; channel++) {
        const value = samples[at + channel];
        power[channel] += value * value;
        mixed += weights[channel] * value;
      }
      sum += mixed * mixed;
      pair += (samples[at] + samples[at + 1]) ** 2;
    }
    const count = Math.max(1, samples.length / channels);
    const loudest = Math.max(...power.filter((_, channel) => weights[channel] > 0)) / count;
    const level = Math.floor(10 * Math.log10(loudest) - QUIETEST);
    if (!(level >= 0)) return;
    const weighted = power.reduce((total, value, channel) => total + weights[channel] ** 2 * value, 0);
    const bin = this.#levels[Math.min(level, LEVELS - 1)];
    bin.blocks++;
    if (sum < CANCELLED * weighted) bin.cancelled++;
    if (pair < CANCELLED * (power[0] + power[1])) bin.opposed++;
    for (let channel = 0; channel < channels; channel++) bin.power[channel] += power[channel] / count;
  }

  /** How the channels should become one; undefined for the mean. */
  mix(): ChannelMix | undefined {
    const loud = this.#loudBlocks();
    if (loud.blocks === 0) return undefined;
    const places = placesOf(this.layout);
    const decibels = [...loud.power].map((value, channel) =>
      this.#weights[channel] > 0 ? 10 * Math.log10(value / loud.blocks + 1e-12) : -Infinity,
    );
    const most = Math.max(...decibels);
    const loudest = decibels.indexOf(most);
    const name = (channel: number) => nameOf(places[channel], channel);
    if (decibels.every((level, channel) => channel === loudest || level < most - DEAD)) {
      return { use: 'channel', channel: loudest, reason: `only ${name(loudest)} has sound` };
    }
    if (loud.cancelled < SOME * loud.blocks) return undefined;
    const share = `channels cancel each other in ${Math.round((100 * loud.cancelled) / loud.blocks)} % of the sound`;
    const centre = places.indexOf('FC');
    if (centre >= 0 && decibels[centre] > most - CENTRE) {
      return { use: 'channel', channel: centre, reason: `${share}; ${name(centre)} carries the speech` };
    }
    if (loud.opposed > MOST * loud.blocks) return { use: 'side', reason: `${share}: they are out of phase` };
    return { use: 'channel', channel: loudest, reason: `${share}; ${name(loudest)} is the loudest` };
  }

  /** The sum over the blocks near the level that one of twenty exceeds. */
  #loudBlocks() {
    const sum = { blocks: 0, cancelled: 0, opposed: 0, power: new Float64Array(this.layout.channels) };
    const all = this.#levels.reduce((total, { blocks }) => total + blocks, 0);
    let above = 0;
    let top = LEVELS - 1;
    while (top > 0 && above + this.#levels[top].blocks < 0.05 * all) above += this.#levels[top--].blocks;
    for (let level = Math.max(0, top - LOUD_RANGE); level < LEVELS; level++) {
      const bin = this.#levels[level];
      sum.blocks += bin.blocks;
      sum.cancelled += bin.cancelled;
      sum.opposed += bin.opposed;
      for (const [channel, value] of bin.power.entries()) sum.power[channel] += value;
    }
    return sum;
  }
}

/**
 * The weights of the channels in ffmpeg's mono, which keeps full scale: their sum is 1.
 *
 * @example
 * meanWeights({ name: 'stereo', channels: 2 }); // [0.5, 0.5]
 */
export function meanWeights(layout: ChannelLayout): number[] {
  const weights = weightsOf(layout);
  const sum = weights.reduce((total, weight) => total + weight, 0);
  return weights.map((weight) => weight / sum);
}

const weightsOf = (layout: ChannelLayout) =>
  placesOf(layout).map((place) => (place === undefined ? 1 : (WEIGHTS[place] ?? OTHER_WEIGHT)));

function placesOf({ name, channels }: ChannelLayout): (string | undefined)[] {
  const places = PLACES[name]?.split(' ') ?? [];
  return places.length === channels ? places : Array.from({ length: channels }, () => undefined);
}

const NAMES: Readonly<Record<string, string>> = { FL: 'the left channel', FR: 'the right channel', FC: 'the centre' };

const nameOf = (place: string | undefined, channel: number) => NAMES[place ?? ''] ?? `channel ${channel}`;

/** A sentence about a mix. */
export function mixNote(mix: ChannelMix, layout: ChannelLayout): string {
  const used = mix.use === 'side' ? 'half of their difference' : nameOf(placesOf(layout)[mix.channel!], mix.channel!);
  return `audio of ${layout.channels} channels: ${mix.reason}, so that ${used} is used in place of the mean`;
}
