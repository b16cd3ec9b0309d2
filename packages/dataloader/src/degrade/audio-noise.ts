import { convolve } from '@lipsync/audio-mel';
import { AUDIO_SAMPLE_RATE } from '@lipsync/contracts';
import { Random } from '@lipsync/nn';
import { NOISE_MASK, noiseTable } from '@lipsync/sync-windows';

/** `white`: equal power per Hz. `pink`: equal power per octave. `babble`: eight synthetic voices at once. */
export type NoiseKind = 'white' | 'pink' | 'babble';

export const NOISE_KINDS: NoiseKind[] = ['white', 'pink', 'babble'];

const PINK_TAPS = 8192; // even per octave from a few Hz on
const VOICES = 8;
const SETTLING = 4096; // samples, of formants that ring for 200
const FORMANTS = [
  { from: 300, to: 800, width: 90, gain: 1 },
  { from: 900, to: 2300, width: 130, gain: 0.5 },
  { from: 2400, to: 3400, width: 220, gain: 0.25 },
];

const tables = new Map<NoiseKind, Float32Array>();

/**
 * 65536 samples of noise of mean 0 and mean square 1 that can be looped: 4.1 s at 16 kHz, always the same. Made on the
 * first call (0.03 to 0.3 s); read it from a random start.
 *
 * @returns float32, shared: do not change it.
 * @example
 * const noise = audioNoise('babble');
 */
export function audioNoise(kind: NoiseKind): Float32Array {
  let table = tables.get(kind);
  if (!table) {
    const made = kind === 'white' ? Float64Array.from(noiseTable()) : kind === 'pink' ? pink() : babble();
    const mean = made.reduce((sum, value) => sum + value, 0) / made.length;
    const square = made.reduce((sum, value) => sum + (value - mean) ** 2, 0) / made.length;
    table = Float32Array.from(made, (value) => (value - mean) / Math.sqrt(square));
    tables.set(kind, table);
  }
  return table;
}

/**
 * White noise through `(1 - z^-1)^(-1/2)`, whose power falls as 1 / f (Kasdin, 1995): `h[k] = h[k - 1] (k - 1/2) / k`.
 */
function pink(): Float64Array {
  const white = noiseTable();
  const twice = new Float32Array(2 * white.length);
  twice.set(white);
  twice.set(white, white.length);
  const filter = new Float32Array(PINK_TAPS);
  filter[0] = 1;
  for (let k = 1; k < PINK_TAPS; k++) filter[k] = (filter[k - 1] * (k - 0.5)) / k;
  return Float64Array.from(
    convolve({ samples: twice, sampleRate: AUDIO_SAMPLE_RATE }, filter).samples.subarray(white.length),
  );
}

/**
 * Pulses and breath of eight pitches through formants that wander, each voice with its own syllables. Periods divide
 * the table.
 */
function babble(): Float64Array {
  const random = new Random(20240301);
  const breath = noiseTable();
  const size = breath.length;
  const out = new Float64Array(size);
  /** A sine that comes round `low` to `high` times in the table. */
  const wander = (low: number, high: number) => {
    const times = low + random.integer(high - low + 1);
    const phase = random.uniform(0, 2 * Math.PI);
    return (i: number) => Math.sin((2 * Math.PI * times * i) / size + phase);
  };
  for (let voice = 0; voice < VOICES; voice++) {
    const cycles = Math.round((random.uniform(90, 240) * size) / AUDIO_SAMPLE_RATE);
    const start = random.integer(size);
    const syllables = [wander(8, 14), wander(14, 24)]; // 2 to 6 Hz
    const tune = wander(2, 6);
    const formants = FORMANTS.map((formant) => ({
      ...formant,
      path: [wander(6, 20), wander(3, 10)],
      a: 0,
      b: 0,
      y1: 0,
      y2: 0,
    }));
    let envelope = 0;
    for (let i = -SETTLING; i < size; i++) {
      if ((i & 63) === 0) {
        envelope = Math.max(0, syllables[0](i) + 0.6 * syllables[1](i)) ** 1.5;
        for (const formant of formants) {
          const along = 0.5 + 0.3 * formant.path[0](i) + 0.2 * formant.path[1](i);
          const radius = Math.exp((-Math.PI * formant.width) / AUDIO_SAMPLE_RATE);
          formant.a =
            2 *
            radius *
            Math.cos((2 * Math.PI * (formant.from + (formant.to - formant.from) * along)) / AUDIO_SAMPLE_RATE);
          formant.b = -radius * radius;
        }
      }
      const phase = (2 * Math.PI * cycles * i) / size + 12 * tune(i);
      const pulse = Math.exp(12 * (Math.cos(phase) - 1)) - 0.115; // its mean
      const source = envelope * (pulse + 0.03 * breath[(start + i) & NOISE_MASK]);
      let sum = 0;
      for (const formant of formants) {
        const y = (1 + formant.b) * formant.gain * source + formant.a * formant.y1 + formant.b * formant.y2;
        formant.y2 = formant.y1;
        formant.y1 = y;
        sum += y;
      }
      if (i >= 0) out[i] += sum; // what comes before only fills the filters
    }
  }
  return out;
}
