import type { AudioFeatureName, Features, Waveform } from '@lipsync/contracts';
import { AUDIO_FEATURES, fail, stepsBefore } from '@lipsync/contracts';
import { FeatureCursor } from './feature-cursor';

export type FeaturesAroundOptions = {
  /** Features, which are made from the audio; with `ASR_LOGITS` they are given. */
  features: AudioFeatureName;
  /** Steps of a window. */
  steps: number;
  /** Frames a second. Default 25. */
  fps?: number;
};

/**
 * The features around frame after frame, as a generator hears them: for a window of n frames the steps from `floor(rate (k - (n >> 1)) / fps)` on,
 * as `DINetLoader` cuts them; before the first step and after the last, those again.
 *
 * Of an audio track that is still being decoded no more is held than between the last window asked for and the farthest read: ask in order.
 *
 * @example
 * const audio = new FeaturesAround(reader.audio('talk.wav'), { features: 'THESIS_MEL', steps: 16 });
 * try { const window = await audio.window(0); } finally { await audio.close(); }
 */
export class FeaturesAround {
  readonly bins: number;
  readonly #options: Required<FeaturesAroundOptions>;
  readonly #source: {
    read(start: number, steps: number): Promise<Features>;
    forget(step: number): void;
    close(): Promise<void>;
  };
  #last?: Float32Array;

  /** @param audio the audio, 16 kHz mono, its sample 0 heard with frame 0; or its features. */
  constructor(audio: AsyncIterable<Waveform> | Features, options: FeaturesAroundOptions) {
    this.#options = { fps: 25, ...options };
    if (!(Number.isInteger(options.steps) && options.steps > 0))
      fail(RangeError, 'FeaturesAround', 'options.steps', 'a whole number above 0', options.steps);
    if ('data' in audio) {
      const { data, steps, bins } = audio;
      if (steps < 1) fail(RangeError, 'FeaturesAround', 'audio', 'at least one step', steps);
      this.#source = {
        async read(start, count) {
          const [from, to] = [Math.min(steps, start), Math.min(steps, start + count)];
          return { data: data.subarray(from * bins, to * bins), steps: to - from, bins };
        },
        forget: () => {},
        close: async () => {},
      };
      this.bins = bins;
      // Windows may begin after its end.
      this.#last = data.subarray((steps - 1) * bins, steps * bins);
    } else {
      const cursor = new FeatureCursor(audio, options.features);
      this.#source = cursor;
      this.bins = cursor.bins;
    }
  }

  /** `[bins, steps]`, float32, a new array. Frame numbers must not fall. */
  async window(frame: number): Promise<Float32Array> {
    const { features, steps, fps } = this.#options;
    const { stepsPerSecond } = AUDIO_FEATURES[features];
    const frameCount = Math.max(1, Math.floor((steps * fps) / stepsPerSecond));
    const start = stepsBefore(frame - (frameCount >> 1), { fps, stepsPerSecond });
    const from = Math.max(0, start);
    const { data, steps: got } = await this.#source.read(from, start + steps - from);
    const { bins } = this;
    if (got > 0) this.#last = data.slice((got - 1) * bins, got * bins);
    if (!this.#last) return fail(Error, 'FeaturesAround.window', 'audio', 'at least one step long', 'none');
    const out = new Float32Array(bins * steps);
    for (let step = 0; step < steps; step++) {
      const at = Math.max(0, start + step) - from;
      const row = at < got ? data.subarray(at * bins, (at + 1) * bins) : this.#last;
      for (let bin = 0; bin < bins; bin++) out[bin * steps + step] = row[bin];
    }
    this.#source.forget(from);
    return out;
  }

  /** Ends the decoding; safe to call twice. */
  close(): Promise<void> {
    return this.#source.close();
  }
}

/** The same audio, silence after its end until it has so many samples, and no more than those. */
export async function* audioOfLength(
  pieces: AsyncIterable<Waveform>,
  samples: number,
  sampleRate = 16000,
): AsyncGenerator<Waveform> {
  let given = 0;
  for await (const piece of pieces) {
    const part =
      piece.samples.length > samples - given ? { ...piece, samples: piece.samples.slice(0, samples - given) } : piece;
    given += part.samples.length;
    yield part;
    if (given >= samples) return;
  }
  for (; given < samples; given += sampleRate)
    yield { samples: new Float32Array(Math.min(sampleRate, samples - given)), sampleRate };
}
