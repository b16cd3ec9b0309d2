import { type FeatureStream, featureStream } from '@lipsync/audio-mel';
import type { AudioFeatureName, Features, Waveform } from '@lipsync/contracts';
import { RowCursor } from './row-cursor';

/**
 * The feature steps, `[steps, bins]`, of an audio track that is still being decoded, or of features that are there.
 *
 * @param audio 16 kHz mono, or its features.
 * @throws TypeError for features that cannot be computed from audio here.
 */
export function featureSteps(
  audio: AsyncIterable<Waveform> | Features,
  name: AudioFeatureName,
  where: string,
): RowCursor {
  if ('data' in audio) return new RowCursor(only(audio.data), { dimension: audio.bins, where });
  const stream = featureStream(name);
  return new RowCursor(stepsOf(audio, stream), { dimension: stream.bins, where });
}

async function* only(data: Float32Array): AsyncGenerator<Float32Array> {
  yield data;
}

async function* stepsOf(pieces: AsyncIterable<Waveform>, stream: FeatureStream): AsyncGenerator<Float32Array> {
  for await (const { samples } of pieces) yield stream.push(samples);
  yield stream.end();
}
