import { fail } from '@lipsync/contracts';
import type { Random } from '@lipsync/nn';
import type { AugmentationDraw } from '@lipsync/sync-windows';

/**
 * How strongly windows are augmented in training. Ranges are symmetric: `rotation: 0.16` draws from ±0.16. Frames are
 * augmented in the range -1..1 whatever the recipe's, audio in mel units (-4..4).
 */
export type Augmentation = {
  /** Multiplies all ranges and the share of gray frames. */
  strength: number;
  /** Share of mirrored windows. */
  flip: number;
  /** Natural log of the scale. */
  logScale: number;
  /** Natural log of the horizontal stretch; the same vertical squeeze. */
  logAspect: number;
  /** Radians. */
  rotation: number;
  /** Horizontal and vertical shift, half sides of the stored frame. */
  shift: number;
  /** Natural log of the contrast about the window's mean. */
  logContrast: number;
  brightness: number;
  /** Natural log of the gain of each channel. */
  logGain: number;
  /** Share of gray windows. */
  gray: number;
  /** Largest standard deviation of pixel noise. */
  noise: number;
  /** Mel units added to all bins. */
  audioGain: number;
  /** Mel units added at the highest bin and subtracted at the lowest, linear between. */
  audioTilt: number;
  /** Relative stretch of the mel axis, as by another vocal tract length. */
  melScale: number;
  /** Shift of the mel axis, in half axes. */
  melShift: number;
  /** Share of windows with a noise floor between -4 and -1.5 mel units; not multiplied. */
  floor: number;
  /** Largest standard deviation of noise, mel units. */
  audioNoise: number;
  /** Mel steps by which the audio may start early or late; not multiplied. */
  jitterSteps: number;
  /** Natural log of the speed of frames and audio together; not multiplied. Default 0. */
  logSpeed?: number;
};

/** The augmentation with which a small network learned from two thousand clips. */
export const AUGMENTATION: Augmentation = {
  strength: 0.8,
  flip: 0.5,
  logScale: 0.14,
  logAspect: 0.06,
  rotation: 0.16,
  shift: 0.1,
  logContrast: 0.3,
  brightness: 0.25,
  logGain: 0.15,
  gray: 0.2,
  noise: 0.04,
  audioGain: 0.5,
  audioTilt: 0.5,
  melScale: 0.06,
  melShift: 0.03,
  floor: 0.4,
  audioNoise: 0.25,
  jitterSteps: 1,
};

/**
 * Draws the augmentation of one window. It takes the same number of random values whatever is drawn.
 *
 * @throws RangeError for a strength below 0.
 * @example
 * const draw = drawAugmentation(AUGMENTATION, new Random(seed, step, item)); // Random of @lipsync/nn
 */
export function drawAugmentation(augmentation: Augmentation, random: Random): AugmentationDraw {
  for (const [name, value] of Object.entries(augmentation)) {
    if (!(Number.isFinite(value) && value >= 0)) fail(RangeError, 'drawAugmentation', name, 'at least 0', value);
  }
  const { strength } = augmentation;
  const within = (range: number) => strength * random.uniform(-range, range) + 0; // + 0: never -0
  const upTo = (most: number) => strength * random.uniform(0, most);
  const share = (part: number) => random.uniform() < part;
  const view = {
    scale: Math.exp(within(augmentation.logScale)),
    aspect: Math.exp(within(augmentation.logAspect)),
    angle: within(augmentation.rotation),
    mirrored: share(augmentation.flip),
    across: within(augmentation.shift),
    down: within(augmentation.shift),
  };
  const gain = () => Math.exp(within(augmentation.logGain));
  const colour = {
    contrast: Math.exp(within(augmentation.logContrast)),
    brightness: within(augmentation.brightness),
    gains: [gain(), gain(), gain()] as [number, number, number],
    gray: share(strength * augmentation.gray),
    noise: upTo(augmentation.noise),
  };
  const floor = random.uniform(-8, -3); // -4 to -1.5 mel units
  const audio = {
    gain: within(augmentation.audioGain),
    tilt: within(augmentation.audioTilt),
    scale: 1 + within(augmentation.melScale),
    shift: within(augmentation.melShift),
    ...(share(augmentation.floor) ? { floor } : {}),
    noise: upTo(augmentation.audioNoise),
    jitterSteps: random.integer(2 * augmentation.jitterSteps + 1) - augmentation.jitterSteps,
  };
  const noiseStarts: [number, number, number] = [random.bits(), random.bits(), random.bits()];
  const { logSpeed = 0 } = augmentation;
  return {
    view,
    colour,
    audio,
    noiseStarts,
    ...(logSpeed > 0 ? { speed: Math.exp(random.uniform(-logSpeed, logSpeed)) } : {}),
  };
}
