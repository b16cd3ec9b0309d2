import { resample, resampleStream } from '@lipsync/audio-mel';
import type { ChannelMix } from '@lipsync/contracts';
import type { AudioSample, Input } from 'mediabunny';
import { AudioSampleSink } from 'mediabunny';
import { type PlacedSamples, placedAudio } from '../read/placed-audio';
import { assertDecodes, audioLayout, type DescribedMedia } from './describe-media';
import { layoutOf, mixPlanes, mixWeights, PlaneMeter } from './mix-channels';

export type AudioRequest = { where: string; name: string; described: DescribedMedia };

/** A piece of decoded audio: a plane for each channel, and its time in seconds of the container's clock. */
type Piece = { planes: Float32Array[]; sampleRate: number; timeSec: number };

/**
 * Mono audio from the first frame on, in pieces of at most one second, in steps of 1 / 32768 as the reader of Node gives
 * it.
 */
export async function* monoAudio(
  input: Input,
  { described, mix, sampleRate, ...names }: AudioRequest & { mix?: ChannelMix; sampleRate: number },
): AsyncGenerator<Float32Array> {
  const pieces = decoded(input, { described, ...names });
  const first = await pieces.next();
  if (first.done) return;
  const rate = first.value.sampleRate;
  const layout = audioLayout(described);
  async function* runs(): AsyncGenerator<PlacedSamples> {
    for await (const { planes, sampleRate: own, timeSec } of startingWith(first.value as Piece, pieces)) {
      const same = planes.length === layout.channels;
      const weights = mixWeights(same ? layout : layoutOf(planes.length), same ? mix : undefined);
      const mono = mixPlanes(planes, weights);
      const { samples } = own === rate ? { samples: mono } : resample({ samples: mono, sampleRate: own }, rate);
      yield { samples, at: Math.round((timeSec - described.zeroSec) * rate) };
    }
  }
  const placed = placedAudio(runs(), { from: 0, sampleRate: rate });
  for await (const samples of resampleStream(placed, { from: rate, to: sampleRate })) {
    toSteps(samples);
    for (let at = 0; at < samples.length; at += sampleRate) yield samples.slice(at, at + sampleRate);
  }
}

/** How the channels should become one, by all of the audio. */
export async function measureMix(input: Input, request: AudioRequest): Promise<ChannelMix | undefined> {
  const layout = audioLayout(request.described);
  let meter: PlaneMeter | undefined;
  for await (const { planes, sampleRate } of decoded(input, request)) {
    if (planes.length !== layout.channels) continue;
    meter ??= new PlaneMeter(layout, sampleRate);
    meter.add(planes);
  }
  return meter?.mix();
}

async function* decoded(input: Input, { described, ...names }: AudioRequest): AsyncGenerator<Piece> {
  const track = (await input.getAudioTracks())[described.tracks.audio!];
  await assertDecodes(track, names);
  for await (const sample of new AudioSampleSink(track).samples()) {
    try {
      yield { planes: planesOf(sample), sampleRate: sample.sampleRate, timeSec: sample.timestamp };
    } finally {
      sample.close();
    }
  }
}

function planesOf(sample: AudioSample): Float32Array[] {
  return Array.from({ length: sample.numberOfChannels }, (_, planeIndex) => {
    const plane = new Float32Array(sample.numberOfFrames);
    sample.copyTo(plane, { planeIndex, format: 'f32-planar' });
    return plane;
  });
}

/** Rounds to 16 bits, as files and the features of published networks have them. */
function toSteps(samples: Float32Array): void {
  for (let i = 0; i < samples.length; i++)
    samples[i] = Math.max(-32768, Math.min(32767, Math.round(32768 * samples[i]))) / 32768;
}

async function* startingWith<A>(first: A, rest: AsyncIterable<A>): AsyncGenerator<A> {
  yield first;
  yield* rest;
}
