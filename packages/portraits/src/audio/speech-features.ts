import { LspMelStream } from '@lipsync/audio-mel';
import { AUDIO_SAMPLE_RATE, assertWaveform, type Features, fail, type Waveform } from '@lipsync/contracts';
import type { RecurrentState } from '@lipsync/nn';
import * as tf from '@tensorflow/tfjs-core';
import type { Apc } from './apc';

/**
 * Features of audio that comes in pieces, by an `Apc` encoder: what `push` and `end` return, concatenated, equals
 * `speechFeatures` of the whole, but for rounding; in constant memory.
 *
 * Holds the encoder's state until `dispose()`; the encoder stays the caller's, for as long as the stream is used.
 *
 * @throws RangeError for an encoder of other than 80 mel bands.
 * @example
 * import { APC, Apc, SpeechFeatureStream } from '@lipsync/portraits';
 * const stream = new SpeechFeatureStream(new Apc(APC, { seed: 0 }));
 * const first = await stream.push(new Float32Array(16000)); // Features of about 118 steps
 * const last = await stream.end();
 * stream.dispose();
 */
export class SpeechFeatureStream {
  /** Values of a feature. */
  readonly bins: number;
  readonly #apc: Apc;
  readonly #mel = new LspMelStream();
  #state: RecurrentState | undefined;

  constructor(apc: Apc) {
    const { melBins, hiddenSize } = apc.config;
    if (melBins !== this.#mel.bins)
      fail(RangeError, 'SpeechFeatureStream', 'apc.config.melBins', `${this.#mel.bins}`, melBins);
    this.#apc = apc;
    this.bins = hiddenSize;
  }

  /**
   * Takes the next mono samples, 16 kHz, full scale -1..1. One call at a time.
   *
   * @returns `[new steps, bins]`, 120 steps a second; the caller's.
   * @throws RangeError for a sample that is not finite. Error after `end`.
   */
  push(samples: Float32Array): Promise<Features> {
    return this.#encode(this.#mel.push(samples));
  }

  /**
   * Ends the stream.
   *
   * @returns `[last steps, bins]`, of windows that reach beyond the end; often none.
   */
  end(): Promise<Features> {
    return this.#encode(this.#mel.end());
  }

  /** Frees the encoder's state. Safe to call twice. */
  dispose(): void {
    tf.dispose(this.#state ?? []);
    this.#state = undefined;
  }

  async #encode(mel: Float32Array): Promise<Features> {
    const steps = mel.length / this.#mel.bins;
    if (steps === 0) return { data: new Float32Array(0), steps: 0, bins: this.bins };
    const input = tf.tensor3d(mel, [1, steps, this.#mel.bins]);
    const { output, state } = this.#apc.advance(input, this.#state);
    tf.dispose([input, this.#state ?? []]);
    this.#state = state;
    const data = (await output.data()) as Float32Array;
    output.dispose();
    return { data: data.slice(), steps, bins: this.bins };
  }
}

/**
 * Features of a whole clip by an `Apc` encoder: 120 steps a second.
 *
 * Works through the clip second by second, so memory does not grow with more than the result.
 *
 * @returns float32 `[steps, hiddenSize]`; the caller's.
 * @throws RangeError if the sample rate is not 16000 Hz or a sample is not finite.
 * @example
 * import { loadApc, speechFeatures } from '@lipsync/portraits';
 * const apc = await loadApc('apc.safetensors');
 * const features = await speechFeatures(apc, { samples: new Float32Array(16000), sampleRate: 16000 }); // 120 steps
 */
export async function speechFeatures(apc: Apc, waveform: Waveform): Promise<Features> {
  const where = 'speechFeatures';
  assertWaveform(where, waveform);
  const { samples, sampleRate } = waveform;
  if (sampleRate !== AUDIO_SAMPLE_RATE)
    fail(RangeError, where, 'waveform.sampleRate', `${AUDIO_SAMPLE_RATE} Hz (see resample)`, sampleRate);
  const stream = new SpeechFeatureStream(apc);
  const pieces: Features[] = [];
  try {
    for (let from = 0; from < samples.length; from += AUDIO_SAMPLE_RATE) {
      pieces.push(await stream.push(samples.subarray(from, from + AUDIO_SAMPLE_RATE)));
    }
    pieces.push(await stream.end());
  } finally {
    stream.dispose();
  }
  const steps = pieces.reduce((sum, piece) => sum + piece.steps, 0);
  const data = new Float32Array(steps * stream.bins);
  let at = 0;
  for (const piece of pieces) {
    data.set(piece.data, at);
    at += piece.data.length;
  }
  return { data, steps, bins: stream.bins };
}
