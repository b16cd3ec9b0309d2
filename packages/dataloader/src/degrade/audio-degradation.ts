import { changeGain, convolve } from '@lipsync/audio-mel';
import { AUDIO_SAMPLE_RATE, fail } from '@lipsync/contracts';
import type { Random } from '@lipsync/nn';
import { NOISE_MASK, noiseTable } from '@lipsync/sync-windows';
import type { NoiseKind } from './audio-noise';
import { audioNoise, NOISE_KINDS } from './audio-noise';

/** How strongly, and how often, audio is degraded in training. Shares are of windows, 0..1. */
export type AudioDegradation = {
  /** Share of windows in a room. */
  room: number;
  /** Reverberation time: the room's sound falls by 60 dB in it, seconds. */
  leastRt60Sec: number;
  mostRt60Sec: number;
  /** Power of the direct sound to that of the reverberation, dB. */
  leastDirectDb: number;
  mostDirectDb: number;
  /** Share of windows with noise: white, pink or babble, equally often. */
  noise: number;
  /** Power of the audio to that of the noise, dB. */
  leastSnrDb: number;
  mostSnrDb: number;
  /** Share of windows through a telephone. */
  telephone: number;
  /** Gain in dB is drawn from ± this. */
  gainDb: number;
};

/** From a living room to a hall, from a quiet room to a busy street. Chosen, not tuned by training. */
export const AUDIO_DEGRADATION: AudioDegradation = {
  room: 0.3,
  leastRt60Sec: 0.15,
  mostRt60Sec: 0.8,
  leastDirectDb: 0,
  mostDirectDb: 15,
  noise: 0.5,
  leastSnrDb: 5,
  mostSnrDb: 30,
  telephone: 0.1,
  gainDb: 6,
};

/** The degradation of one window. `start`: where in a table of noise it begins. */
export type AudioDegradationDraw = {
  room?: RoomDraw;
  noise?: { kind: NoiseKind; snrDb: number; start: number };
  telephone: boolean;
  gainDb: number;
};

export type RoomDraw = { rt60Sec: number; directDb: number; start: number };

const FIRST_REFLECTION = 40; // samples, 2.5 ms: a path longer by 0.85 m
const [TELEPHONE_LOW_HZ, TELEPHONE_HIGH_HZ] = [300, 3400];

/**
 * Draws the degradation of one window. It takes the same number of random values whatever is drawn.
 *
 * @throws RangeError for shares outside 0..1, a least above its most, and reverberation times outside 0.05..4 s.
 * @example
 * const draw = drawAudioDegradation(AUDIO_DEGRADATION, new Random(seed, step, item)); // Random of @lipsync/nn
 */
export function drawAudioDegradation(degradation: AudioDegradation, random: Random): AudioDegradationDraw {
  const where = 'drawAudioDegradation';
  for (const [name, value] of Object.entries(degradation))
    if (!Number.isFinite(value)) fail(RangeError, where, name, 'finite', value);
  for (const name of ['room', 'noise', 'telephone'] as const) {
    if (!(degradation[name] >= 0 && degradation[name] <= 1))
      fail(RangeError, where, name, 'a share, 0..1', degradation[name]);
  }
  for (const name of ['Rt60Sec', 'DirectDb', 'SnrDb'] as const) {
    const most = degradation[`most${name}`];
    if (!(degradation[`least${name}`] <= most))
      fail(RangeError, where, `least${name}`, `at most most${name}, ${most}`, degradation[`least${name}`]);
  }
  checkRt60(where, 'leastRt60Sec', degradation.leastRt60Sec);
  checkRt60(where, 'mostRt60Sec', degradation.mostRt60Sec);
  if (!(degradation.gainDb >= 0)) fail(RangeError, where, 'gainDb', 'at least 0', degradation.gainDb);
  const share = (part: number) => random.uniform() < part;
  const inRoom = share(degradation.room);
  const room = {
    rt60Sec: random.uniform(degradation.leastRt60Sec, degradation.mostRt60Sec),
    directDb: random.uniform(degradation.leastDirectDb, degradation.mostDirectDb),
    start: random.bits(),
  };
  const noisy = share(degradation.noise);
  const noise = {
    kind: NOISE_KINDS[Math.floor(random.uniform(0, NOISE_KINDS.length))], // integer() may draw twice
    snrDb: random.uniform(degradation.leastSnrDb, degradation.mostSnrDb),
    start: random.bits(),
  };
  const telephone = share(degradation.telephone);
  const gainDb = random.uniform(-degradation.gainDb, degradation.gainDb) + 0; // + 0: never -0
  return { ...(inRoom ? { room } : {}), ...(noisy ? { noise } : {}), telephone, gainDb };
}

/**
 * Degrades audio as drawn: a room, then noise, then a telephone, then gain.
 *
 * Nothing is moved in time: the direct sound stays where it was. By cross-correlation of real speech in 100 rooms drawn
 * from `AUDIO_DEGRADATION` the best lag is 0 in 85 and at most 3 samples (0.2 ms) in the others, where reflections are
 * as strong as the direct sound.
 *
 * A second takes 0.5 ms without a room, 1.5 ms with one of 0.4 s and 3.6 ms with one of 0.8 s or more
 * (`bench/degradation.bench.ts`).
 *
 * @param samples mono at 16 kHz, full scale 1.
 * @param options.level Root mean square against which the noise is measured, such as that of the whole clip where
 *   `samples` is a short piece that may be a pause. Default: that of `samples` in the room.
 * @returns float32, as many samples; a new array, which may exceed full scale.
 * @example
 * const audio = degradeAudio(samples, drawAudioDegradation(AUDIO_DEGRADATION, new Random(seed, step, item)));
 */
export function degradeAudio(
  samples: Float32Array,
  draw: AudioDegradationDraw,
  options: { level?: number } = {},
): Float32Array<ArrayBuffer> {
  let audio = new Float32Array(samples);
  if (draw.room) {
    audio = convolve({ samples: audio, sampleRate: AUDIO_SAMPLE_RATE }, roomResponse(draw.room)).samples;
  }
  if (draw.noise) audio = addNoise(audio, { ...draw.noise, ...options });
  if (draw.telephone) audio = throughTelephone(audio);
  return draw.gainDb === 0 ? audio : changeGain(audio, draw.gainDb);
}

/**
 * Adds noise whose mean square over these samples is `snrDb` below that of the audio. Silence stays silent.
 *
 * @param options.start any integer: where to begin in the noise, which repeats after 4.1 s.
 * @param options.level root mean square of the audio. Default: that of `samples`.
 * @returns float32, as many samples; a new array.
 * @example
 * const noisy = addNoise(samples, { kind: 'pink', snrDb: 10, start: 0 });
 */
export function addNoise(
  samples: Float32Array,
  {
    kind,
    snrDb,
    start,
    level = rootMeanSquare(samples),
  }: { kind: NoiseKind; snrDb: number; start: number; level?: number },
): Float32Array<ArrayBuffer> {
  if (!NOISE_KINDS.includes(kind)) fail(RangeError, 'addNoise', 'kind', NOISE_KINDS.join(', '), kind);
  if (!Number.isFinite(snrDb)) fail(RangeError, 'addNoise', 'snrDb', 'finite', snrDb);
  if (!(level >= 0 && level < Infinity)) fail(RangeError, 'addNoise', 'level', 'at least 0', level);
  const table = audioNoise(kind);
  let square = 0;
  for (let i = 0; i < samples.length; i++) square += table[(start + i) & NOISE_MASK] ** 2;
  const gain = square === 0 ? 0 : (level * 10 ** (-snrDb / 20)) / Math.sqrt(square / samples.length);
  const out = new Float32Array(samples.length);
  for (let i = 0; i < out.length; i++) out[i] = samples[i] + gain * table[(start + i) & NOISE_MASK];
  return out;
}

/**
 * The impulse response of a simulated room, for `convolve` of `@lipsync/audio-mel`.
 *
 * The direct sound at lag 0, so that nothing moves in time; from 2.5 ms on normal noise times `10^(-3 t / rt60Sec)`,
 * scaled to the requested ratio. The energy of the whole is 1, so that loudness stays about the same.
 *
 * Source: Polack's model of late reverberation, without single echoes and without the absorption spectrum of walls.
 *
 * @returns float32, `ceil(16000 · rt60Sec)` samples, at least 41; a new array.
 * @example
 * const response = roomResponse({ rt60Sec: 0.4, directDb: 5, start: 0 });
 */
export function roomResponse({ rt60Sec, directDb, start }: RoomDraw): Float32Array<ArrayBuffer> {
  checkRt60('roomResponse', 'rt60Sec', rt60Sec);
  if (!Number.isFinite(directDb)) fail(RangeError, 'roomResponse', 'directDb', 'finite', directDb);
  const response = new Float32Array(Math.max(FIRST_REFLECTION + 1, Math.ceil(AUDIO_SAMPLE_RATE * rt60Sec)));
  const noise = noiseTable();
  const step = 10 ** (-3 / (AUDIO_SAMPLE_RATE * rt60Sec));
  let energy = 0;
  for (let n = FIRST_REFLECTION, gain = 1; n < response.length; n++, gain *= step) {
    response[n] = gain * noise[(start + n) & NOISE_MASK];
    energy += response[n] ** 2;
  }
  const ratio = 10 ** (directDb / 10); // of direct to reverberant energy; both together are 1
  const gain = Math.sqrt(1 / ((1 + ratio) * energy));
  for (let n = FIRST_REFLECTION; n < response.length; n++) response[n] *= gain;
  response[0] = Math.sqrt(ratio / (1 + ratio));
  return response;
}

/**
 * Keeps 300 … 3400 Hz, as a telephone does: -6 dB at both edges, 24 dB per octave beyond.
 *
 * Butterworth filters of second order, once forwards and once backwards, so that nothing moves in time.
 *
 * @returns float32, as many samples; a new array.
 * @example
 * const narrow = throughTelephone(samples);
 */
export function throughTelephone(samples: Float32Array): Float32Array<ArrayBuffer> {
  const values = new Float64Array(samples);
  for (const filter of [butterworth('high', TELEPHONE_LOW_HZ), butterworth('low', TELEPHONE_HIGH_HZ)]) {
    runFilter(values, filter);
    values.reverse();
    runFilter(values, filter);
    values.reverse();
  }
  return new Float32Array(values);
}

type Filter = { b0: number; b1: number; a1: number; a2: number };

/** By the bilinear transform: `b0 (1 ± z^-1)^2 / (1 + a1 z^-1 + a2 z^-2)`. */
function butterworth(pass: 'low' | 'high', hz: number): Filter {
  const k = Math.tan((Math.PI * hz) / AUDIO_SAMPLE_RATE);
  const scale = 1 / (1 + Math.SQRT2 * k + k * k);
  const b0 = pass === 'low' ? k * k * scale : scale;
  return {
    b0,
    b1: pass === 'low' ? 2 * b0 : -2 * b0,
    a1: 2 * (k * k - 1) * scale,
    a2: (1 - Math.SQRT2 * k + k * k) * scale,
  };
}

/** In place, silence before the first value. */
function runFilter(values: Float64Array, { b0, b1, a1, a2 }: Filter): void {
  let x1 = 0;
  let x2 = 0;
  let y1 = 0;
  let y2 = 0;
  for (let i = 0; i < values.length; i++) {
    const x = values[i];
    const y = b0 * (x + x2) + b1 * x1 - a1 * y1 - a2 * y2;
    x2 = x1;
    x1 = x;
    y2 = y1;
    y1 = y;
    values[i] = y;
  }
}

function rootMeanSquare(samples: Float32Array): number {
  let sum = 0;
  for (let i = 0; i < samples.length; i++) sum += samples[i] * samples[i];
  return samples.length === 0 ? 0 : Math.sqrt(sum / samples.length);
}

function checkRt60(where: string, name: string, value: number): void {
  if (!(value >= 0.05 && value <= 4)) fail(RangeError, where, name, '0.05 to 4 seconds', value);
}
