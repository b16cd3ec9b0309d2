import { fail } from '@lipsync/contracts';
import { Random } from '@lipsync/nn';

/** The mouth at one moment. Every value is smooth in time. */
export type MouthState = {
  /** Opening that the vowel or consonant asks for, 0 (jaw up) .. about 1.1 (wide). `closure` still shuts the lips. */
  open: number;
  /** -1 rounded (u) .. 0 neutral .. 1 spread (i). */
  width: number;
  /** 0 .. 1, lips pressed together (p, b, m). */
  closure: number;
  /** 0 .. 1, lower lip under the upper teeth (f, v). */
  tuck: number;
  /** 0 .. 1, how loudly the voice is driven, before the mouth shapes it. */
  voicing: number;
  /** 0 .. 1, noise made in the mouth. */
  frication: number;
  /** Centre of that noise, Hz. */
  noiseHz: number;
  /** 0 .. 1, sound through the nose (m, n). */
  nasal: number;
};

/** The release of a stop: a short noise. */
export type Burst = { timeSec: number; strength: number; hz: number };

/** A seeded track of mouth movements that drives both frame and audio. */
export type Articulation = {
  durationSec: number;
  /** The mouth at a time. Before 0 it rests as at 0; after `durationSec` the phrase ends and then it rests. */
  at(timeSec: number): MouthState;
  /** Releases of stops, in order of time. */
  bursts: Burst[];
  /** The phone-like targets in order, `#` for a pause. */
  phones: { name: string; startSec: number; endSec: number }[];
};

type Target = { name: string; stop?: number } & Partial<MouthState>;

const REST: MouthState = {
  open: 0.03,
  width: 0,
  closure: 0,
  tuck: 0,
  voicing: 0,
  frication: 0,
  noiseHz: 4000,
  nasal: 0,
};

// Targets in the manner of English; `stop` is the centre of the burst in Hz.
const VOWELS: Target[] = [
  { name: 'a', open: 1, width: 0.1, voicing: 1 },
  { name: 'æ', open: 0.85, width: 0.5, voicing: 1 },
  { name: 'e', open: 0.55, width: 0.5, voicing: 1 },
  { name: 'i', open: 0.25, width: 0.95, voicing: 0.9 },
  { name: 'o', open: 0.6, width: -0.65, voicing: 1 },
  { name: 'u', open: 0.25, width: -1, voicing: 0.9 },
  { name: 'ə', open: 0.42, width: 0, voicing: 0.9 },
];
const CONSONANTS: Target[] = [
  { name: 'p', open: 0.1, closure: 1, stop: 1200 },
  { name: 'b', open: 0.1, closure: 1, voicing: 0.12, stop: 900 },
  { name: 'm', open: 0.1, closure: 1, voicing: 0.7, nasal: 1 },
  { name: 'f', open: 0.12, width: 0.15, tuck: 1, frication: 0.35, noiseHz: 4200 },
  { name: 'v', open: 0.12, width: 0.1, tuck: 1, voicing: 0.4, frication: 0.2, noiseHz: 3800 },
  { name: 's', open: 0.14, width: 0.45, frication: 0.9, noiseHz: 5800 },
  { name: 'ʃ', open: 0.18, width: -0.6, frication: 1, noiseHz: 3000 },
  { name: 't', open: 0.16, width: 0.15, stop: 4500 },
  { name: 'k', open: 0.28, stop: 2000 },
  { name: 'd', open: 0.18, width: 0.1, voicing: 0.15, stop: 3500 },
  { name: 'n', open: 0.22, voicing: 0.6, nasal: 0.8 },
  { name: 'l', open: 0.32, voicing: 0.75 },
  { name: 'w', open: 0.14, width: -1, voicing: 0.6 },
];

const CHANNELS = Object.keys(REST) as (keyof MouthState)[];

/**
 * A seeded articulation track: syllables (mostly consonant and vowel, sometimes a closing consonant), 4 to 6 a second, in
 * phrases of 3 to 9 with pauses of 0.2 to 0.5 s between them.
 *
 * Each phone holds its targets over the middle of its time and moves to the next one's along a cosine, so bilabials do
 * reach full closure and vowels mix with their neighbours.
 *
 * @param durationSec above 0.
 * @throws RangeError if `durationSec` is not above 0.
 * @example
 * const track = articulation(7, 3);
 * track.at(1.5).open; // 0..1.1
 */
export function articulation(seed: number, durationSec: number): Articulation {
  if (!(durationSec > 0)) fail(RangeError, 'articulation', 'durationSec', 'above 0', durationSec);
  const random = new Random(seed, 1);
  const times: number[] = [];
  const rows: MouthState[] = [];
  const bursts: Burst[] = [];
  const phones: Articulation['phones'] = [];
  let now = 0;
  let before: MouthState = REST;

  const add = (target: Target, seconds: number, holdShare: number) => {
    const { name, stop, ...values } = target;
    // Where a phone has no target, the lips keep half of their shape.
    const state: MouthState = { ...REST, width: before.width * 0.5, noiseHz: before.noiseHz, ...values };
    const glide = (seconds * (1 - holdShare)) / 2;
    times.push(now + glide, now + seconds - glide);
    rows.push(state, state);
    phones.push({ name, startSec: now, endSec: now + seconds });
    if (stop) bursts.push({ timeSec: now + seconds - glide * 0.8, strength: random.uniform(0.5, 1), hz: stop });
    now += seconds;
    before = state;
  };
  const pause = (seconds: number) => add({ name: '#', ...REST, open: random.uniform(0, 0.08) }, seconds, 0.7);

  pause(random.uniform(0.05, 0.3));
  while (now < durationSec) {
    const syllables = 3 + random.integer(7);
    const tempo = random.uniform(0.85, 1.15);
    for (let syllable = 0; syllable < syllables && now < durationSec; syllable++) {
      const stress = random.uniform(0.55, 1.1);
      if (random.uniform() < 0.9) {
        add(CONSONANTS[random.integer(CONSONANTS.length)], tempo * random.uniform(0.07, 0.1), 0.45);
      }
      const vowel = VOWELS[random.integer(VOWELS.length)];
      const spoken = { ...vowel, open: vowel.open! * stress, voicing: vowel.voicing! * (0.7 + 0.3 * stress) };
      add(spoken, tempo * random.uniform(0.09, 0.13) * (0.6 + 0.5 * stress), 0.25);
      if (random.uniform() < 0.2) {
        add(CONSONANTS[random.integer(CONSONANTS.length)], tempo * random.uniform(0.06, 0.09), 0.45);
      }
    }
    pause(random.uniform(0.2, 0.5));
  }

  return { durationSec, bursts, phones, at: (timeSec) => between(times, rows, timeSec) };
}

function between(times: number[], rows: MouthState[], timeSec: number): MouthState {
  let low = 0;
  let high = times.length - 1;
  if (timeSec <= times[0]) return { ...rows[0] };
  if (timeSec >= times[high]) return { ...rows[high] };
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if (times[middle] <= timeSec) low = middle;
    else high = middle;
  }
  const share = (timeSec - times[low]) / Math.max(times[high] - times[low], 1e-9);
  const eased = 0.5 - 0.5 * Math.cos(Math.PI * share);
  const result = {} as MouthState;
  for (const channel of CHANNELS) {
    result[channel] = rows[low][channel] + (rows[high][channel] - rows[low][channel]) * eased;
  }
  return result;
}

/** The effective opening: the target less what closed or tucked lips take away. */
export function mouthOpening(mouth: MouthState): number {
  return mouth.open * (1 - mouth.closure) * (1 - 0.5 * mouth.tuck);
}
