import { fail } from '@lipsync/contracts';

/**
 * How references are weighed by the audio, `s_k = a · r_k` the dot product of the two embeddings.
 *
 * `as-printed`: `softmax(-sigmoid(s))`, which gives similar references less weight; `plus-sigmoid`:
 * `softmax(sigmoid(s))`; `scaled`: `softmax(s / sqrt(length))`; `average`: all the same, no attention.
 */
export type ReferenceAttention = 'average' | 'as-printed' | 'plus-sigmoid' | 'scaled';

/** Sizes and choices of a generator; each part of it can be switched off. */
export type ReferenceGeneratorConfig = {
  /** Channels at full size; maps have up to 32 times as many, embeddings 32 times. 16 is the published length of 512. */
  width: number;
  /** Side of the square frames in pixels, a multiple of 32 from 64. 96 published. */
  size: number;
  /** Reference frames of each clip; any number can be given. 10 published. */
  references: number;
  /** What the network sees of a reference: its lower half, the rest black, or all of it. */
  referencePart: 'lower half' | 'whole';
  /** Whether the blocks that keep channels and size add their input. The parameters are the same without. */
  residual: boolean;
  attention: ReferenceAttention;
  /** Whether the audio encoder sees two more channels: the place of each value by band and by time, -1..1. */
  coordinates: boolean;
  /** Whether each stage of the decoder sees a map made of the audio embedding. */
  audioSkips: boolean;
  /** Whether a second head predicts where the mouth is, and the face is blended into the frame there only. */
  maskHead: boolean;
  /**
   * Largest maps of frame and references that are passed to the decoder, by their side in pixels; `size` passes all, 0
   * none. A quarter of the size leaves out the late ones, through which the position of the chin leaks.
   */
  largestSkip: number;
};

/** The complete network: 512 values an embedding, scaled attention, no late skips. */
export const REFERENCE_GENERATOR: ReferenceGeneratorConfig = Object.freeze({
  width: 16,
  size: 96,
  references: 10,
  referencePart: 'lower half',
  residual: true,
  attention: 'scaled',
  coordinates: true,
  audioSkips: true,
  maskHead: true,
  largestSkip: 24,
});

/** A quarter of the channels, for CPUs. */
export const LITE_REFERENCE_GENERATOR: ReferenceGeneratorConfig = Object.freeze({ ...REFERENCE_GENERATOR, width: 4 });

const ATTENTIONS: readonly ReferenceAttention[] = ['average', 'as-printed', 'plus-sigmoid', 'scaled'];

/** Sides of the maps of an encoder, from the frame's to the last before the embedding. */
export function mapSides(size: number): number[] {
  return Array.from({ length: 6 }, (_, stage) => size / 2 ** stage);
}

/**
 * Refuses a configuration that is not complete; use on what comes from a file. Returns it typed.
 *
 * @example
 * const config = assertReferenceGeneratorConfig('myProgram', JSON.parse('{"width": 4}')); // throws: size is missing
 */
export function assertReferenceGeneratorConfig(where: string, value: unknown): ReferenceGeneratorConfig {
  const config = value as ReferenceGeneratorConfig;
  if (typeof config !== 'object' || config === null) fail(TypeError, where, 'config', 'an object', value);
  const { width, size, references, referencePart, attention, largestSkip } = config;
  if (!(Number.isInteger(references) && references > 0))
    fail(RangeError, where, 'config.references', 'a whole number above 0', references);
  if (!['lower half', 'whole'].includes(referencePart))
    fail(TypeError, where, 'config.referencePart', 'lower half or whole', referencePart);
  if (!(Number.isInteger(width) && width > 0)) fail(RangeError, where, 'config.width', 'a whole number above 0', width);
  if (!(Number.isInteger(size) && size >= 64 && size % 32 === 0))
    fail(RangeError, where, 'config.size', 'a multiple of 32 from 64', size);
  for (const name of ['residual', 'coordinates', 'audioSkips', 'maskHead'] as const) {
    if (typeof config[name] !== 'boolean') fail(TypeError, where, `config.${name}`, 'true or false', config[name]);
  }
  if (!ATTENTIONS.includes(attention)) fail(TypeError, where, 'config.attention', ATTENTIONS.join(' or '), attention);
  const sides = [0, ...mapSides(size).reverse()];
  if (!sides.includes(largestSkip))
    fail(RangeError, where, 'config.largestSkip', `one of ${sides.join(', ')}`, largestSkip);
  return config;
}
