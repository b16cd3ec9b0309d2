import { changeGain, featureStream, loudnessGain } from '@lipsync/audio-mel';
import {
  AUDIO_FEATURES,
  AUDIO_SAMPLE_RATE,
  type AudioFeatureName,
  type Features,
  type Loudness,
} from '@lipsync/contracts';
import type { AudioCursor } from '@lipsync/sync-windows';

const CONTEXT_STEPS = 8; // no window of features is longer than 6 steps of 160 samples

/** A piece of a video's audio with the context that its features need. */
export type SegmentAudio = {
  /** 16 kHz mono, full scale 1; shorter where the audio ends earlier. */
  samples: Float32Array;
  /** Features from the piece's first sample on, equal to those of the whole audio, as loud as `loudness` says. */
  features(name: AudioFeatureName, steps: number, loudness?: Loudness): Features;
};

/**
 * The audio of some frames, moved by whole frames: `delayFrames` above 0 delays it. Before the audio's beginning it is
 * silent, after its end there is none.
 *
 * Features equal those of the whole audio, moved in the same way, bit for bit; the piece must begin where a step of
 * them does.
 *
 * @param options.speechDb level of the whole audio's speech, dB of full scale, for features with a loudness rule.
 */
export async function segmentAudio(
  cursor: AudioCursor,
  {
    firstFrame,
    frameCount,
    fps,
    delayFrames = 0,
    speechDb,
  }: { firstFrame: number; frameCount: number; fps: number; delayFrames?: number; speechDb?: number },
): Promise<SegmentAudio> {
  const perFrame = AUDIO_SAMPLE_RATE / fps;
  const delay = Math.round(delayFrames * perFrame);
  const start = Math.round(firstFrame * perFrame);
  const end = Math.round((firstFrame + frameCount) * perFrame);
  const context = CONTEXT_STEPS * 200;
  const from = Math.max(0, start - context);
  const read = await cursor.read(from - delay, end + 2 * context - delay);
  // Beyond the end of the audio there is nothing, not silence.
  const total = cursor.length === undefined ? Infinity : cursor.length + delay;
  const whole = read.subarray(0, Math.max(0, Math.min(read.length, total - from)));
  const ended = whole.length < read.length;
  return {
    samples: whole.slice(start - from, end - from),
    features: (name, steps, loudness) => {
      const gainDb = loudnessGain(loudness, speechDb);
      const levelled = gainDb === 0 ? whole : changeGain(whole, gainDb);
      return featuresWithin(levelled, { at: start - from, ended, name, steps });
    },
  };
}

/** Samples before a piece, and twice as many after it, with which its features are those of the whole audio. */
export const FEATURE_CONTEXT = CONTEXT_STEPS * 200;

/**
 * Features of an audio track from one of its samples on, with what stands before it as context.
 *
 * @param samples 16 kHz mono.
 * @param options.at where the first step begins; as many as `FEATURE_CONTEXT` samples before it count.
 * @param options.ended whether the audio ends with these samples, so that its end is mirrored as that of the whole is.
 * @returns fewer steps where the audio ends before.
 */
export function featuresWithin(
  samples: Float32Array,
  { at, ended, name, steps }: { at: number; ended: boolean; name: AudioFeatureName; steps: number },
): Features {
  const stream = featureStream(name);
  const hop = AUDIO_SAMPLE_RATE / AUDIO_FEATURES[name].stepsPerSecond;
  const skipped = Math.min(Math.floor(at / hop), CONTEXT_STEPS);
  const fed = samples.subarray(at - skipped * hop);
  if (fed.length <= 400) return { data: new Float32Array(0), steps: 0, bins: stream.bins };
  const pieces = [stream.push(fed), ...(ended ? [stream.end()] : [])];
  const data = new Float32Array(pieces.reduce((sum, piece) => sum + piece.length, 0));
  pieces.forEach((piece, i) => data.set(piece, i === 0 ? 0 : pieces[0].length));
  const wanted = data.subarray(skipped * stream.bins, (skipped + steps) * stream.bins);
  return { data: wanted.slice(), steps: wanted.length / stream.bins, bins: stream.bins };
}
