import { fail } from '@lipsync/contracts';
import { RealFft } from './real-fft';

export type VoiceActivityOptions = {
  /** Samples per second. Default 16000. */
  sampleRate?: number;
  /** Pictures a second: one flag each. Default 25. */
  fps?: number;
};

const FFT_SIZE = 512; // 32 ms at 16 kHz
const HOPS_PER_SECOND = 50;
const [LOW_HZ, HIGH_HZ] = [300, 3400];
const FLOOR_DB = -65; // quieter is silence
const LEAST_RANGE_DB = 8; // a sound as even as noise or hum is no speech
const SHARE = 0.4; // of the range between quiet and loud parts
const LONGEST_PAUSE = 8; // hops between two words that belong together, 160 ms
const HANGOVER = 3; // hops before and after, 60 ms: consonants are quiet

/**
 * During which pictures somebody speaks, by the energy between 300 and 3400 Hz.
 *
 * Energies of 32 ms every 20 ms, in dB below full scale and at least -65; with p10 and p95 their percentiles, what exceeds
 * `p10 + 0.4 (p95 - p10)` is active, nothing where `p95 - p10 < 8`. Pauses of up to 160 ms are filled, 60 ms added at both ends. A picture is active if any
 * of its hops is.
 *
 * Music, other voices and noise that comes and goes count as speech: this keeps silence out of training, no more. Give a few seconds at once.
 * Flags equal those of a NumPy program, see the test.
 *
 * @param samples mono, full scale 1.
 * @returns 1 for pictures with speech, 0 for others, `floor(samples / sampleRate * fps)` of them.
 * @example
 * const share = voiceActivity(samples).reduce((sum, flag) => sum + flag, 0) / flags.length;
 */
export function voiceActivity(samples: Float32Array, { sampleRate = 16000, fps = 25 }: VoiceActivityOptions = {}): Uint8Array {
  const where = 'voiceActivity';
  if (!(samples instanceof Float32Array)) fail(TypeError, where, 'samples', 'a Float32Array', typeof samples);
  if (!(sampleRate >= 8000 && Number.isInteger(sampleRate))) fail(RangeError, where, 'sampleRate', 'a whole number, 8000 or more', sampleRate);
  if (!(fps > 0 && fps <= HOPS_PER_SECOND)) fail(RangeError, where, 'fps', `above 0 and at most ${HOPS_PER_SECOND}`, fps);
  const flags = new Uint8Array(Math.floor((samples.length * fps) / sampleRate + 1e-9));
  const levels = bandLevels(samples, sampleRate);
  if (levels.length === 0) return flags;
  const sorted = levels.slice().sort();
  const [quiet, loud] = [percentile(sorted, 0.1), percentile(sorted, 0.95)];
  if (loud - quiet < LEAST_RANGE_DB) return flags;
  const threshold = quiet + SHARE * (loud - quiet);
  const active = widened(Array.from(levels, (level) => level > threshold));
  active.forEach((on, hop) => {
    if (on) flags[Math.min(flags.length - 1, Math.floor((hop * fps) / HOPS_PER_SECOND + 1e-9))] = 1;
  });
  return flags;
}

/** Energy of each hop between the two frequencies, dB; its window stands around the hop's middle, silence beyond the ends. */
function bandLevels(samples: Float32Array, sampleRate: number): Float64Array {
  const hop = sampleRate / HOPS_PER_SECOND;
  const hops = Math.floor(samples.length / hop);
  const window = Float64Array.from({ length: FFT_SIZE }, (_, n) => 0.5 - 0.5 * Math.cos((2 * Math.PI * n) / FFT_SIZE));
  const power = window.reduce((sum, value) => sum + value * value, 0);
  const fft = new RealFft(window);
  const padded = new Float64Array(samples.length + FFT_SIZE + hop);
  padded.set(samples, FFT_SIZE / 2);
  const magnitudes = new Float64Array(FFT_SIZE / 2 + 1);
  const [low, high] = [Math.ceil((LOW_HZ * FFT_SIZE) / sampleRate), Math.floor((HIGH_HZ * FFT_SIZE) / sampleRate)];
  return Float64Array.from({ length: hops }, (_, i) => {
    fft.magnitudes(padded, Math.floor((i + 0.5) * hop), magnitudes);
    let sum = 0;
    for (let k = low; k <= high; k++) sum += 2 * magnitudes[k] * magnitudes[k];
    return Math.max(FLOOR_DB, 10 * Math.log10(sum / (FFT_SIZE * power) + 1e-12));
  });
}

/** Of sorted values, without interpolation. */
const percentile = (sorted: Float64Array, share: number) => sorted[Math.floor(share * (sorted.length - 1))];

function widened(active: boolean[]): boolean[] {
  const out = active.slice();
  let last = -Infinity;
  active.forEach((on, hop) => {
    if (!on) return;
    if (hop - last - 1 <= LONGEST_PAUSE) out.fill(true, last + 1, hop);
    last = hop;
  });
  const wide = out.slice();
  out.forEach((on, hop) => {
    if (on) wide.fill(true, Math.max(0, hop - HANGOVER), Math.min(out.length, hop + HANGOVER + 1));
  });
  return wide;
}
