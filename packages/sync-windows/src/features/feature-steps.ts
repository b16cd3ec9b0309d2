import { changeGain, type FeatureStream, featureStream, loudnessGain, RunningLoudness } from '@lipsync/audio-mel';
import { type AudioFeatureName, type Features, fail, type Loudness, type Waveform } from '@lipsync/contracts';
import { RowCursor } from './row-cursor';

/**
 * How the loudness of audio is measured. `level`: by `measureAudio` over the whole audio, which gives one gain for all
 * samples; `running`: over its last 30 seconds, for a live stream.
 */
export type MeasuredLoudness = { level: { speechDb?: number } } | 'running';

/**
 * The same audio, as loud as a recipe asks for.
 *
 * @throws TypeError where the rule is not `none` and `measured` is missing.
 */
export function atLoudness(
  audio: AsyncIterable<Waveform>,
  rule: Loudness = 'none',
  { measured, where }: { measured?: MeasuredLoudness; where: string },
): AsyncIterable<Waveform> {
  if (rule === 'none') return audio;
  if (measured === 'running') return running(audio, new RunningLoudness(rule));
  if (!measured) {
    const wanted = "given, as the recipe's loudness is not none: { level: await measureAudio(audio) }, or 'running'";
    return fail(TypeError, where, 'loudness', wanted, measured);
  }
  return louder(audio, loudnessGain(rule, measured.level.speechDb));
}

async function* louder(pieces: AsyncIterable<Waveform>, gainDb: number): AsyncGenerator<Waveform> {
  for await (const piece of pieces) yield { ...piece, samples: changeGain(piece.samples, gainDb) };
}

async function* running(pieces: AsyncIterable<Waveform>, loudness: RunningLoudness): AsyncGenerator<Waveform> {
  let sampleRate = 0;
  for await (const piece of pieces) {
    sampleRate = piece.sampleRate;
    yield { ...piece, samples: loudness.push(piece.samples) };
  }
  yield { samples: loudness.end(), sampleRate };
}

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
