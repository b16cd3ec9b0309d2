import { AUDIO_SAMPLE_RATE, type Loudness, type SpeechLoudness } from '@lipsync/contracts';
import { changeGain } from '../waveform/change-gain';
import { BLOCK_SEC, SpeechLevelMeter } from './speech-level';

const BLOCK = Math.round(BLOCK_SEC * AUDIO_SAMPLE_RATE); // samples: the meter's level changes once a block

/**
 * The gain that a recipe's loudness rule asks for.
 *
 * @param levelDb the level of the clip's speech, as `speechLevel` gives it; undefined for a silent clip.
 * @returns dB; 0 by the rule `none`, and for silence.
 * @example
 * import { loudnessGain, speechLevel } from '@lipsync/audio-mel';
 * const gainDb = loudnessGain(expert.recipe.loudness, speechLevel({ samples, sampleRate: 16000 }));
 */
export function loudnessGain(rule: Loudness = 'none', levelDb: number | undefined): number {
  if (rule === 'none' || levelDb === undefined) return 0;
  return Math.min(rule.mostGainDb, rule.levelDb - levelDb);
}

/**
 * A live stream brought to the level of a recipe's loudness rule, by the speech of its last 30 seconds. Constant memory;
 * at most 100 ms late.
 *
 * The gain of each block of 100 ms is that of the level up to its end, reached evenly from the one before. From a few
 * seconds on the level is within 1 or 2 dB of the whole clip's (see the test), but samples are not those of the whole
 * clip's one gain: measure recordings by `speechLevel` instead.
 *
 * @example
 * import { RunningLoudness } from '@lipsync/audio-mel';
 * const loudness = new RunningLoudness(SPEECH_LOUDNESS); // of @lipsync/contracts
 * const ready = loudness.push(samples); // up to 1599 samples are held back
 */
export class RunningLoudness {
  readonly #rule: SpeechLoudness;
  readonly #meter = new SpeechLevelMeter({ windowSec: 30 });
  #held = new Float32Array(0);
  #gainDb?: number;

  constructor(rule: SpeechLoudness) {
    this.#rule = rule;
  }

  /** Takes the next samples, mono, 16 kHz; returns those that are ready, often none. */
  push(samples: Float32Array): Float32Array<ArrayBuffer> {
    const all = new Float32Array(this.#held.length + samples.length);
    all.set(this.#held);
    all.set(samples, this.#held.length);
    const ready = all.length - (all.length % BLOCK);
    for (let at = 0; at < ready; at += BLOCK) this.#scale(all.subarray(at, at + BLOCK));
    this.#held = all.slice(ready);
    return all.slice(0, ready);
  }

  /** Returns what was held back. */
  end(): Float32Array<ArrayBuffer> {
    const rest = changeGain(this.#held, this.#gainDb ?? 0);
    this.#held = new Float32Array(0);
    return rest;
  }

  /** Scales a block in place. */
  #scale(block: Float32Array): void {
    this.#meter.push(block);
    const to = loudnessGain(this.#rule, this.#meter.levelDb);
    const from = this.#gainDb ?? to;
    this.#gainDb = to;
    for (let i = 0; i < block.length; i++) block[i] *= 10 ** ((from + ((to - from) * (i + 1)) / block.length) / 20);
  }
}
