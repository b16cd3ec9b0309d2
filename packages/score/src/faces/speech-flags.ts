import { voiceActivity } from '@lipsync/audio-mel';
import { AUDIO_SAMPLE_RATE, type Waveform } from '@lipsync/contracts';

/** Seconds that are searched for speech at a time. */
const BLOCK_SEC = 20;

/**
 * Where somebody speaks in an audio track that passes by, in constant memory but for a byte per video frame.
 *
 * @example
 * const speech = new SpeechFlags(25);
 * for await (const piece of speech.pass(video.audio())) console.log(piece.samples.length);
 * speech.share(0, 100); // of the first 100 frames
 */
export class SpeechFlags {
  readonly #fps: number;
  readonly #blocks: Uint8Array[] = [];
  /** The block after those, as far as it has passed. */
  #rest?: BlockOfSamples;

  /** @param fps of the video. */
  constructor(fps: number) {
    this.#fps = fps;
  }

  /** The same pieces, 16 kHz mono; from the beginning of the audio each time. */
  async *pass(pieces: AsyncIterable<Waveform>): AsyncGenerator<Waveform> {
    const block = new BlockOfSamples(BLOCK_SEC * AUDIO_SAMPLE_RATE);
    let index = 0;
    for await (const piece of pieces) {
      for (const full of block.push(piece.samples)) this.#blocks[index++] ??= this.#flagsOf(full);
      if (index >= this.#blocks.length) this.#rest = block;
      yield piece;
    }
  }

  /** Share of `frameCount` frames from one on in which somebody speaks, 0..1; undefined where no audio has passed. */
  share(firstFrame: number, frameCount: number): number | undefined {
    const flag = this.flags();
    let [spoken, known] = [0, 0];
    for (let frame = firstFrame; frame < firstFrame + frameCount; frame++) {
      const speech = flag(frame);
      if (speech === undefined) continue;
      if (speech) spoken++;
      known++;
    }
    return known > 0 ? spoken / known : undefined;
  }

  /** Tells of each frame whether somebody speaks in it, by what has passed until now; undefined where nothing has. */
  flags(): (frame: number) => boolean | undefined {
    const blocks = this.#rest ? [...this.#blocks, this.#flagsOf(this.#rest.samples())] : this.#blocks;
    const perBlock = Math.round(BLOCK_SEC * this.#fps);
    return (frame) => {
      const flag = blocks[Math.floor(frame / perBlock)]?.[frame % perBlock];
      return flag === undefined ? undefined : flag === 1;
    };
  }

  #flagsOf(samples: Float32Array): Uint8Array {
    return voiceActivity({ samples, sampleRate: AUDIO_SAMPLE_RATE }, { fps: this.#fps });
  }
}

/** Collects samples to blocks of one length. */
class BlockOfSamples {
  readonly #samples: Float32Array;
  #filled = 0;

  constructor(length: number) {
    this.#samples = new Float32Array(length);
  }

  /** The blocks that these samples fill. */
  *push(samples: Float32Array): Generator<Float32Array> {
    for (let from = 0; from < samples.length; ) {
      const taken = Math.min(samples.length - from, this.#samples.length - this.#filled);
      this.#samples.set(samples.subarray(from, from + taken), this.#filled);
      this.#filled += taken;
      from += taken;
      if (this.#filled < this.#samples.length) continue;
      yield this.#samples;
      this.#filled = 0;
    }
  }

  /** What is not a whole block yet. */
  samples(): Float32Array {
    return this.#samples.slice(0, this.#filled);
  }
}
