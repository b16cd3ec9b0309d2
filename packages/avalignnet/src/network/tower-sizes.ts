import { fail, upgradeRecipe } from '@lipsync/contracts';
import type { AVAlignNetConfig, DownsampleFactor, InputSize, TowerConfig } from './config';
import { MEL_BINS } from './config';

/** GroupNorm groups everywhere in the network. */
export const GROUPS = 32;

/** Fewest channels of a last block: eight values per group, see `assertConfig`. */
const SMALLEST_EMBEDDING = 256;

/** Height and width of a feature map. */
export type MapSize = { height: number; width: number };

/** Strides and zero padding of a block's closing 3x3 convolution. */
export type Downsampling = {
  stride: [number, number];
  padding: { left: number; right: number; top: number; bottom: number };
};

/**
 * Stride and padding of the closing convolution for a factor; undefined for the scalar 1, which has no such
 * convolution.
 *
 * | factor | left, right, top, bottom |
 * | --- | --- |
 * | s, (s, t) | 0, 1, 0, 1 |
 * | (1, s) | 0, 1, 1, 1 |
 * | (s, 1) | 1, 1, 0, 1 |
 *
 * Source: StableSyncNet. TensorFlow's SAME padding agrees for even sizes only.
 *
 * @example
 * downsampling([2, 1])?.padding; // { left: 1, right: 1, top: 0, bottom: 1 }
 */
export function downsampling(factor: DownsampleFactor): Downsampling | undefined {
  if (factor === 1) return undefined;
  const [down, across] = typeof factor === 'number' ? [factor, factor] : factor;
  const padding = { left: across === 1 ? 1 : 0, right: 1, top: down === 1 ? 1 : 0, bottom: 1 };
  return { stride: [down, across], padding };
}

/**
 * Sizes of the maps of one tower, the input's first, then one per block: `floor((n - 2) / s) + 1` along an axis of
 * stride s > 1.
 *
 * @param name for the error, such as `audio`.
 *
 * @throws RangeError with the sizes so far, where a block would stride over an axis of length 1.
 * @example
 * towerSizes('audio', LITE.audio_encoder, { height: 80, width: 32 }).at(-1); // { height: 1, width: 1 }
 */
export function towerSizes(name: string, tower: TowerConfig, input: MapSize): MapSize[] {
  const sizes = [input];
  tower.downsample_factors.forEach((factor, block) => {
    const { height, width } = sizes[block];
    const [down, across] = downsampling(factor)?.stride ?? [1, 1];
    if ((down > 1 && height < 2) || (across > 1 && width < 2)) {
      const wanted = `block ${block} cannot stride ${down}x${across} there`;
      throw new RangeError(`AVAlignNet: ${name} tower must end at 1x1, got ${showSizes(sizes)}, and ${wanted}`);
    }
    sizes.push({ height: strided(height, down), width: strided(width, across) });
  });
  return sizes;
}

function strided(length: number, stride: number): number {
  return stride === 1 ? length : Math.floor((length - 2) / stride) + 1;
}

function showSizes(sizes: MapSize[]): string {
  return sizes.map(({ height, width }) => `${height}x${width}`).join(' -> ');
}

/**
 * Refuses a configuration that is not complete or cannot work; use it on values from a file. Returns it typed.
 *
 * A tower must end at 1x1, and its last block must have at least 256 channels: at 1x1, GroupNorm over 32 groups
 * normalises `channels / 32` values per group. With 32 channels all outputs are zero, with 64 each group holds +1 and
 * -1 for any input; 256 leaves eight values.
 *
 * @throws TypeError or RangeError that names the key, for example
 * `AVAlignNet: audio tower must end at 1x1, got 80x16 -> 40x8 -> 20x4 -> 10x2`.
 * @example
 * const config = assertConfig('open', JSON.parse(text));
 */
export function assertConfig(where: string, value: unknown): AVAlignNetConfig {
  if (typeof value !== 'object' || value === null) fail(TypeError, where, 'config', 'an object', value);
  const given = value as AVAlignNetConfig;
  const config: AVAlignNetConfig = { ...given, input: upgradeRecipe(given.input) as InputSize };
  if (typeof config.input !== 'object' || config.input === null) {
    fail(TypeError, where, 'config.input', '{ frameCount, height, width, featureSteps }', config.input);
  }
  for (const key of ['frameCount', 'height', 'width', 'featureSteps'] as const)
    whole(where, `config.input.${key}`, config.input[key]);
  if (config.input.melBins !== undefined) whole(where, 'config.input.melBins', config.input.melBins);
  assertTower(where, 'visual_encoder', config.visual_encoder);
  assertTower(where, 'audio_encoder', config.audio_encoder);
  const { frameCount, height, width, featureSteps, melBins = MEL_BINS } = config.input;
  if (config.visual_encoder.in_channels % frameCount !== 0) {
    const rule = `a multiple of config.input.frameCount (${frameCount})`;
    fail(RangeError, where, 'visual_encoder.in_channels', rule, config.visual_encoder.in_channels);
  }
  if (config.audio_encoder.in_channels !== 1) {
    fail(RangeError, where, 'audio_encoder.in_channels', '1', config.audio_encoder.in_channels);
  }
  assertEnd('visual', config.visual_encoder, { height, width });
  assertEnd('audio', config.audio_encoder, { height: melBins, width: featureSteps });
  const [visual, audio] = [config.visual_encoder, config.audio_encoder].map((tower) => tower.block_out_channels.at(-1));
  if (visual !== audio) {
    fail(RangeError, where, 'the last of audio_encoder.block_out_channels', `${visual}, as in visual_encoder`, audio);
  }
  return config;
}

function whole(where: string, name: string, value: unknown): void {
  if (!(Number.isInteger(value) && (value as number) > 0))
    fail(RangeError, where, name, 'a whole number above 0', value);
}

function assertTower(where: string, name: string, tower: TowerConfig): void {
  if (typeof tower !== 'object' || tower === null) fail(TypeError, where, `config.${name}`, 'an object', tower);
  whole(where, `${name}.in_channels`, tower.in_channels);
  const channels = list(where, `${name}.block_out_channels`, tower.block_out_channels);
  const factors = list(where, `${name}.downsample_factors`, tower.downsample_factors);
  const attention = tower.attn_blocks === undefined ? [] : list(where, `${name}.attn_blocks`, tower.attn_blocks);
  for (const [key, entries] of [
    ['downsample_factors', factors],
    ['attn_blocks', attention],
  ] as const) {
    if (entries.length !== channels.length && !(key === 'attn_blocks' && tower.attn_blocks === undefined)) {
      fail(RangeError, where, `${name}.${key}`, `as long as block_out_channels (${channels.length})`, entries.length);
    }
  }
  for (const width of channels) {
    if (!(Number.isInteger(width) && width > 0 && width % GROUPS === 0)) {
      fail(RangeError, where, `${name}.block_out_channels`, `multiples of ${GROUPS} (GroupNorm's groups)`, channels);
    }
  }
  const last = channels[channels.length - 1];
  if (last < SMALLEST_EMBEDDING) {
    const reason = `GroupNorm over ${GROUPS} groups leaves ${last / GROUPS} values per group at 1x1, which carry almost no information`;
    fail(
      RangeError,
      where,
      `the last of ${name}.block_out_channels`,
      `at least ${SMALLEST_EMBEDDING}`,
      `${last} (${reason})`,
    );
  }
  for (const factor of factors) assertFactor(where, name, factor);
  if (!attention.every((flag) => flag === 0 || flag === 1))
    fail(RangeError, where, `${name}.attn_blocks`, '0 or 1 each', attention);
  const { dropout = 0 } = tower;
  if (!(dropout >= 0 && dropout < 1)) fail(RangeError, where, `${name}.dropout`, 'at least 0 and below 1', dropout);
}

function list<T>(where: string, name: string, value: readonly T[]): readonly T[] {
  if (!(Array.isArray(value) && value.length > 0))
    fail(TypeError, where, name, 'a list with one entry per block', value);
  return value;
}

function assertFactor(where: string, name: string, factor: DownsampleFactor): void {
  const numbers = typeof factor === 'number' ? [factor, factor] : factor;
  const ok = Array.isArray(numbers) && numbers.length === 2 && numbers.every((n) => Number.isInteger(n) && n >= 1);
  if (!ok)
    fail(
      RangeError,
      where,
      `${name}.downsample_factors`,
      'whole numbers or pairs of them, from 1',
      JSON.stringify(factor),
    );
  if (typeof factor !== 'number' && numbers.every((n) => n === 1)) {
    // The reference pads a pair of ones as (1, s) and loses a column.
    fail(RangeError, where, `${name}.downsample_factors`, 'the plain number 1 where nothing is strided', '[1, 1]');
  }
}

function assertEnd(name: string, tower: TowerConfig, input: MapSize): void {
  const sizes = towerSizes(name, tower, input);
  const { height, width } = sizes[sizes.length - 1];
  if (height !== 1 || width !== 1) {
    throw new RangeError(`AVAlignNet: ${name} tower must end at 1x1, got ${showSizes(sizes)}`);
  }
}
