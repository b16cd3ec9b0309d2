import type { AudioFeatureName, Features, Waveform } from '@lipsync/contracts';
import { AUDIO_FEATURES, AUDIO_SAMPLE_RATE, fail, stepsBefore } from '@lipsync/contracts';
import { featureSteps } from './feature-steps';
import type { RowCursor } from './row-cursor';

export type FeaturesAroundOptions = {
  /** Which features are computed from the audio; `ASR_LOGITS` cannot be, and are given. */
  features: AudioFeatureName;
  /** Steps of a window. */
  steps: number;
  /** Frames per second. Default 25. */
  fps?: number;
  /**
   * The frame with which a window begins, counted from its own: 0 where it begins with that frame, -1 a frame before
   * it. Default: the window is centred.
   */
  firstFrame?: number;
};

/**
 * The features around frame after frame, as a generator takes them: for a window of n frames the steps from
 * `floor(stepsPerSecond (k - floor(n / 2)) / fps)` on, or from `k + firstFrame`, as `DinetLoader` cuts them. Before the first step and after the
 * last, those are repeated. (An expert's windows begin with their first frame and end with the audio:
 * `FeatureWindows`.)
 *
 * Of an audio track that is still being decoded no more is held than between the last window asked for and the farthest
 * read: ask in rising order. `close` it, or the decoder lives on.
 *
 * @example
 * const audio = new FeaturesAround(reader.audio('talk.wav'), { features: 'THESIS_MEL', steps: 16 });
 * const window = await audio.window(0); // [80, 16]
 * await audio.close();
 */
export class FeaturesAround {
  readonly #options: FeaturesAroundOptions & { fps: number };
  readonly #steps: RowCursor;

  /** @param audio the audio, 16 kHz mono, whose sample 0 belongs to frame 0; or its features. */
  constructor(audio: AsyncIterable<Waveform> | Features, options: FeaturesAroundOptions) {
    const { features, steps, fps = 25, firstFrame } = options;
    if (!(Number.isInteger(steps) && steps > 0))
      fail(RangeError, 'FeaturesAround', 'options.steps', 'a whole number above 0', steps);
    if (firstFrame !== undefined && !Number.isInteger(firstFrame))
      fail(RangeError, 'FeaturesAround', 'options.firstFrame', 'a whole number', firstFrame);
    if ('data' in audio && audio.steps < 1)
      fail(RangeError, 'FeaturesAround', 'audio', 'at least one step', audio.steps);
    this.#options = { features, steps, fps, firstFrame };
    this.#steps = featureSteps(audio, features, 'FeaturesAround.window');
  }

  /** Values of a step. */
  get bins(): number {
    return this.#steps.dimension;
  }

  /** `[bins, steps]`, float32, a new array. Frame indices must not fall. */
  async window(frame: number): Promise<Float32Array> {
    const { features, steps, fps, firstFrame } = this.#options;
    const { stepsPerSecond } = AUDIO_FEATURES[features];
    const frameCount = Math.max(1, Math.floor((steps * fps) / stepsPerSecond));
    const start = stepsBefore(frame + (firstFrame ?? -(frameCount >> 1)), { fps, stepsPerSecond });
    const from = Math.max(0, start);
    let data = await this.#steps.read(from, start + steps);
    let first = from; // step of the first row of data
    const { bins } = this;
    const { count } = this.#steps;
    if (count === 0) fail(Error, 'FeaturesAround.window', 'audio', 'at least one step long', 'none');
    if (data.length === 0) [first, data] = [count - 1, await this.#steps.read(count - 1, count)];
    const last = first + data.length / bins - 1;
    const out = new Float32Array(bins * steps);
    for (let step = 0; step < steps; step++) {
      const at = (Math.min(last, Math.max(0, start + step)) - first) * bins;
      for (let bin = 0; bin < bins; bin++) out[bin * steps + step] = data[at + bin];
    }
    this.#steps.forget(Math.min(from, this.#steps.count - 1)); // the last step stays, to be repeated
    return out;
  }

  /** Ends the decoding; safe to call twice. */
  close(): Promise<void> {
    return this.#steps.close();
  }
}

/**
 * The same audio cut to so many samples, or continued with silence.
 *
 * @example
 * const tenSeconds = audioOfLength(reader.audio('talk.wav'), 160_000);
 */
export async function* audioOfLength(
  pieces: AsyncIterable<Waveform>,
  samples: number,
  sampleRate = AUDIO_SAMPLE_RATE,
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
