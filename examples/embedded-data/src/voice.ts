import { fail, type Waveform } from '@lipsync/contracts';
import { Random } from '@lipsync/nn';
import { type Articulation, mouthOpening } from './articulation';
import type { Person } from './person';

export type VoiceOptions = {
  /** Seeds the melody and the noises. */
  seed: number;
  /** Moment of the track at sample 0, seconds. Default 0. */
  startSec?: number;
  /** Length of the audio, seconds. Default: to the end of the track. */
  durationSec?: number;
  /** Samples per second, at least 16000. Default 16000. */
  sampleRate?: number;
};

// Seconds between two readings of the articulation.
const CONTROL_SEC = 0.004;

/**
 * A source-filter voice that speaks an articulation track with a person's pitch and vocal tract.
 *
 * Source: glottal flow pulses (Rosenberg's polynomial, differentiated) with breath; filter: five resonators in a row,
 * F1 = 280 + 520 · opening, F2 from spread (2150 Hz at i) or rounding (800 Hz at u), all times the person's factor.
 * Fricatives are noise through one resonator, stops are silence and a short burst, closing lips silence the voice
 * at the same moment as in the frame. A few reflections, background noise and a gain imitate the room.
 *
 * @returns float32 mono audio, peak below 1.
 * @throws RangeError for a sample rate below 16000 or a length not above 0.
 * @example
 * const audio = voice(person(3), articulation(7, 3), { seed: 7 }); // 48000 samples
 */
export function voice(who: Person, track: Articulation, options: VoiceOptions): Waveform {
  const { seed, startSec = 0, durationSec = track.durationSec - startSec, sampleRate = 16_000 } = options;
  if (!(sampleRate >= 16_000)) fail(RangeError, 'voice', 'options.sampleRate', 'at least 16000 Hz', sampleRate);
  if (!(durationSec > 0)) fail(RangeError, 'voice', 'options.durationSec', 'above 0', durationSec);
  const length = Math.round(durationSec * sampleRate);
  const dry = new Float32Array(length);
  speak(who, track, seed, startSec, sampleRate, dry);
  addBursts(who, track, seed, startSec, sampleRate, dry);
  return { samples: record(who, seed, sampleRate, dry), sampleRate };
}

/** Voice and fricatives. */
function speak(
  who: Person,
  track: Articulation,
  seed: number,
  startSec: number,
  sampleRate: number,
  out: Float32Array,
): void {
  const random = new Random(seed, who.seed, 7);
  const { pitchHz, liveliness, formantScale, breath } = who.voice;
  const hop = Math.round(CONTROL_SEC * sampleRate);
  const formants = [new Resonator(), new Resonator(), new Resonator(), new Resonator(), new Resonator()];
  const hiss = new Resonator();
  const melody = [0.23, 0.61, 1.37, 2.9].map((hz) => ({
    omega: 2 * Math.PI * hz * random.uniform(0.8, 1.25),
    at: random.uniform(0, 7),
  }));
  let phase = 0;
  let jitter = 1;
  let voiced = 0;
  let noisy = 0;
  let below = 0;
  for (let start = 0; start < out.length; start += hop) {
    const time = startSec + (start + hop / 2) / sampleRate;
    const mouth = track.at(time);
    const opening = mouthOpening(mouth);
    const lips = (1 - mouth.closure) ** 1.5;
    const spread = Math.max(0, mouth.width);
    const round = Math.max(0, -mouth.width);
    const f1 = (280 + 520 * opening) * (1 - 0.15 * mouth.nasal);
    const f2 = 1350 + 850 * spread * (1 - 0.45 * opening) - 600 * round * (1 - 0.3 * opening);
    const wanted = [f1, f2, 2550 + 250 * spread - 250 * round, 3550, 4600];
    const widths = [70 + 160 * mouth.nasal, 90 + 80 * mouth.nasal, 140, 220, 300];
    wanted.forEach((hz, i) => formants[i].tune(hz * formantScale, widths[i], sampleRate));
    hiss.tune(Math.min(mouth.noiseHz * Math.sqrt(formantScale), 0.46 * sampleRate), 900, sampleRate);

    // A wider mouth sounds louder; through the nose there is a murmur at closed lips.
    const mouthLevel = lips * (0.12 + 0.88 * Math.min(1.1, opening) ** 0.8);
    const voiceLevel = mouth.voicing * (mouthLevel * (1 - 0.6 * mouth.nasal) + 0.16 * mouth.nasal + 0.02);
    const noiseLevel = mouth.frication * lips * 0.11;
    const semitones =
      (liveliness * melody.reduce((sum, { omega, at }) => sum + Math.sin(omega * (time + at)), 0)) / 2.2;
    const step = (pitchHz * 2 ** (semitones / 12)) / sampleRate;

    for (let i = start; i < Math.min(start + hop, out.length); i++) {
      // Levels glide so that a new control frame makes no click.
      voiced += (voiceLevel - voiced) * 0.03;
      noisy += (noiseLevel - noisy) * 0.03;
      phase += step * jitter;
      if (phase >= 1) {
        phase -= 1;
        jitter = 1 + 0.012 * random.normal();
      }
      const white = random.uniform(-1, 1);
      let audio = (glottalPulse(phase) + breath * white) * voiced;
      for (const formant of formants) audio = formant.pass(audio);
      // Five resonators fall off faster than a real tract with its many more: lift the upper half again.
      out[i] += (audio - 0.8 * below) * 1.2 + hiss.pass(white) * noisy;
      below = audio;
    }
  }
}

/** Derivative of a flow that opens for 40 % of the period, closes within 16 % and rests: sharp at the closing. */
function glottalPulse(phase: number): number {
  const opening = 0.4;
  const closing = 0.16;
  if (phase < opening) return 0.4 * Math.sin((Math.PI * phase) / opening);
  if (phase < opening + closing) return -Math.sin(((phase - opening) / closing) * (Math.PI / 2));
  // Back to rest within 3 % of the period rather than at once: less aliasing.
  const after = (phase - opening - closing) / 0.03;
  return after < 1 ? -(1 - after) : 0;
}

/** A second-order resonance with gain 1 at its own frequency's lower side (Klatt's form, unity at 0 Hz). */
class Resonator {
  #a = 1;
  #b = 0;
  #c = 0;
  #before = 0;
  #earlier = 0;

  tune(hz: number, widthHz: number, sampleRate: number): void {
    const radius = Math.exp((-Math.PI * widthHz) / sampleRate);
    this.#c = -radius * radius;
    this.#b = 2 * radius * Math.cos((2 * Math.PI * hz) / sampleRate);
    this.#a = 1 - this.#b - this.#c;
  }

  pass(sample: number): number {
    const result = this.#a * sample + this.#b * this.#before + this.#c * this.#earlier;
    this.#earlier = this.#before;
    this.#before = result;
    return result;
  }
}

/** The pops of p, b, t, d, k: 12 ms of coloured noise from the moment of release. */
function addBursts(
  who: Person,
  track: Articulation,
  seed: number,
  startSec: number,
  sampleRate: number,
  out: Float32Array,
): void {
  const random = new Random(seed, who.seed, 8);
  for (const { timeSec, strength, hz } of track.bursts) {
    const first = Math.round((timeSec - startSec) * sampleRate);
    const color = new Resonator();
    color.tune(Math.min(hz * who.voice.formantScale, 0.46 * sampleRate), 700, sampleRate);
    const decay = 0.004 * sampleRate;
    for (let i = 0; i < 0.012 * sampleRate; i++) {
      const audio = color.pass(random.uniform(-1, 1)) * 0.05 * strength * Math.exp(-i / decay);
      if (first + i >= 0 && first + i < out.length) out[first + i] += audio;
    }
  }
}

/** The room and the microphone: early reflections, level, noise. */
function record(who: Person, seed: number, sampleRate: number, dry: Float32Array): Float32Array {
  const random = new Random(seed, who.seed, 9);
  const { room, gain, noiseDb } = who.voice;
  const echoes = Array.from({ length: 6 }, (_, i) => ({
    delay: Math.round(sampleRate * random.uniform(0.002, 0.006 + 0.004 * i)),
    level: room * random.uniform(-1, 1) * 0.7 ** i,
  }));
  const wet = new Float32Array(dry.length);
  let squares = 0;
  for (let i = 0; i < dry.length; i++) {
    let sum = dry[i];
    for (const { delay, level } of echoes) if (i >= delay) sum += level * dry[i - delay];
    wet[i] = sum;
    squares += sum * sum;
  }
  // Speech at about -20 dB full scale times the person's gain; peaks are bent, not clipped.
  const level = (0.12 * gain) / Math.max(Math.sqrt(squares / wet.length), 1e-4);
  const floor = 10 ** (noiseDb / 20);
  for (let i = 0; i < wet.length; i++) wet[i] = Math.tanh(wet[i] * level + floor * random.normal());
  return wet;
}
