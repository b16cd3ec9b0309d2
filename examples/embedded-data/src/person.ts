import { Random } from '@lipsync/nn';

/** Red, green, blue, 0..255. */
export type Rgb = readonly [number, number, number];

/** Everything that decides how one drawn person looks and sounds. Lengths are in eye distances, angles in radians. */
export type Person = {
  seed: number;
  skin: Rgb;
  hair: Rgb;
  lips: Rgb;
  iris: Rgb;
  shirt: Rgb;
  /** Factors on the average face. */
  shape: {
    faceWidth: number;
    jawWidth: number;
    chinLength: number;
    eyeSize: number;
    eyeTilt: number;
    browHeight: number;
    browThickness: number;
    noseWidth: number;
    noseLength: number;
    mouthWidth: number;
    mouthHeight: number;
    upperLip: number;
    lowerLip: number;
  };
  hairStyle: 'short' | 'long' | 'bald' | 'fringe' | 'bob';
  /** Height of the hair line above the eyes. */
  hairLine: number;
  /** 0 none .. 1 full. */
  beard: number;
  moustache: number;
  glasses: 'none' | 'round' | 'square';
  /** 0 smooth .. 1 lined. */
  age: number;
  light: {
    /** Direction to the main light: x to the frame's right, y down, z towards the camera. */
    direction: readonly [number, number, number];
    ambient: number;
    warmth: number;
    /** Standard deviation of the camera's noise, 0..255. */
    noise: number;
    blurPx: number;
  };
  background: { top: Rgb; bottom: Rgb; blobs: { x: number; y: number; radius: number; color: Rgb }[] };
  pose: {
    /** Eye distance in a frame 256 pixels wide. */
    eyeDistancePx: number;
    centreX: number;
    centreY: number;
    yaw: number;
    roll: number;
    /** Factor on head movement. */
    restlessness: number;
  };
  /** How far this person opens and shapes the mouth, factors. */
  speaking: { opening: number; shaping: number; skew: number };
  voice: {
    /** Mean pitch. */
    pitchHz: number;
    /** Semitones of pitch movement. */
    liveliness: number;
    /** Factor on all formants: a shorter vocal tract is above 1. */
    formantScale: number;
    breath: number;
    /** Share of reflected sound. */
    room: number;
    /** Level of the background noise, decibels below full scale (negative). */
    noiseDb: number;
    gain: number;
  };
};

const SKINS: Rgb[] = [
  [242, 208, 186],
  [232, 190, 160],
  [218, 172, 138],
  [198, 148, 112],
  [166, 116, 82],
  [132, 90, 64],
  [104, 70, 50],
];
const HAIRS: Rgb[] = [
  [24, 20, 19],
  [46, 32, 25],
  [78, 52, 34],
  [120, 82, 48],
  [176, 138, 86],
  [132, 58, 30],
  [158, 155, 152],
];
const IRISES: Rgb[] = [
  [58, 36, 22],
  [84, 56, 32],
  [70, 84, 56],
  [74, 100, 126],
];

const mix = (a: Rgb, b: Rgb, share: number): Rgb => [
  a[0] + (b[0] - a[0]) * share,
  a[1] + (b[1] - a[1]) * share,
  a[2] + (b[2] - a[2]) * share,
];

/**
 * An invented person from a seed: face, light, background, movement and voice.
 *
 * @example
 * const someone = person(3);
 */
export function person(seed: number): Person {
  const random = new Random(seed, 2);
  const any = <T>(list: readonly T[]) => list[random.integer(list.length)];

  const tone = random.uniform(0, SKINS.length - 1);
  const skin = mix(SKINS[Math.floor(tone)], SKINS[Math.min(SKINS.length - 1, Math.floor(tone) + 1)], tone % 1);
  const hair = tone > 3.5 ? HAIRS[random.integer(3)] : any(HAIRS);
  const deepVoice = random.uniform() < 0.5;
  const hairStyle = deepVoice
    ? any(['short', 'short', 'fringe', 'bald'] as const)
    : any(['long', 'bob', 'long', 'fringe', 'short'] as const);
  const beard = deepVoice && random.uniform() < 0.4 ? random.uniform(0.25, 1) : 0;
  const rosy: Rgb = [skin[0] * 0.78 + 12, skin[1] * 0.5 + 8, skin[2] * 0.52 + 14];
  const side = random.uniform() < 0.5 ? -1 : 1;

  return {
    seed,
    skin,
    hair,
    lips: mix(rosy, deepVoice ? skin : [170, 40, 58], random.uniform(0.05, deepVoice ? 0.35 : 0.45)),
    iris: tone > 3 ? IRISES[random.integer(2)] : any(IRISES),
    shirt: color(random, 20, 210),
    shape: drawShape(random, deepVoice),
    hairStyle,
    hairLine: around(random, 0.98, 0.07),
    beard,
    moustache: beard > 0 ? random.uniform(0.3, 1) * beard : 0,
    glasses: random.uniform() < 0.22 ? any(['round', 'square'] as const) : 'none',
    age: random.uniform(),
    light: drawLight(random, side),
    background: drawBackground(random),
    pose: drawPose(random),
    speaking: {
      opening: random.uniform(0.8, 1.15),
      shaping: random.uniform(0.75, 1.15),
      skew: random.uniform(-0.03, 0.03),
    },
    voice: drawVoice(random, deepVoice),
  };
}

// The order of the draws decides who comes out: keep it.

function drawShape(random: Random, deepVoice: boolean): Person['shape'] {
  return {
    faceWidth: around(random, 1, 0.04),
    jawWidth: around(random, deepVoice ? 1.03 : 0.96, 0.035),
    chinLength: around(random, 1, 0.035),
    eyeSize: around(random, 1, 0.07),
    eyeTilt: around(random, 0.02, 0.02),
    browHeight: around(random, 1, 0.1),
    browThickness: around(random, deepVoice ? 1.2 : 0.85, 0.15),
    noseWidth: around(random, 1, 0.1),
    noseLength: around(random, 1, 0.05),
    mouthWidth: around(random, 1, 0.06),
    mouthHeight: around(random, 1, 0.02),
    upperLip: around(random, 1, 0.15),
    lowerLip: around(random, 1, 0.15),
  };
}

function drawLight(random: Random, side: number): Person['light'] {
  return {
    direction: [side * random.uniform(0.1, 0.55), random.uniform(-0.55, -0.25), 0.8],
    ambient: random.uniform(0.5, 0.68),
    warmth: random.uniform(-0.05, 0.08),
    noise: random.uniform(0.8, 3.5),
    blurPx: random.uniform(0, 0.7),
  };
}

function drawBackground(random: Random): Person['background'] {
  return {
    top: color(random, 40, 220),
    bottom: color(random, 30, 180),
    blobs: Array.from({ length: 5 }, () => ({
      x: random.uniform(),
      y: random.uniform(),
      radius: random.uniform(0.08, 0.3),
      color: color(random, 20, 235),
    })),
  };
}

function drawPose(random: Random): Person['pose'] {
  return {
    eyeDistancePx: random.uniform(48, 60),
    centreX: 128 + random.uniform(-8, 8),
    centreY: 104 + random.uniform(-6, 8),
    yaw: random.uniform(-0.1, 0.1),
    roll: random.uniform(-0.04, 0.04),
    restlessness: random.uniform(0.4, 1.2),
  };
}

function drawVoice(random: Random, deepVoice: boolean): Person['voice'] {
  return {
    pitchHz: deepVoice ? random.uniform(90, 145) : random.uniform(165, 250),
    liveliness: random.uniform(1.5, 4),
    formantScale: deepVoice ? random.uniform(0.9, 1.02) : random.uniform(1.06, 1.22),
    breath: random.uniform(0.01, 0.06),
    room: random.uniform(0, 0.25),
    noiseDb: random.uniform(-62, -44),
    gain: random.uniform(0.35, 0.9),
  };
}

/** Drawn from a normal distribution that is cut off at two standard deviations. */
const around = (random: Random, mean: number, spread: number) =>
  mean + spread * Math.max(-2, Math.min(2, random.normal()));

/** A grey with a slight tint. */
function color(random: Random, low: number, high: number): Rgb {
  const grey = random.uniform(low, high);
  const tint = () => Math.max(0, Math.min(255, grey + random.uniform(-0.25, 0.25) * (high - low)));
  return [tint(), tint(), tint()];
}
