import type { AVAlignNetConfig, TowerConfig } from './config';

/**
 * Names and shapes of all parameters of a network in PyTorch's layout (convolutions OIHW, linear `[out, in]`), without
 * allocating them; in the order of PyTorch's `state_dict`, audio tower first.
 *
 * Source: StableSyncNet's class; equal to the reference class's key list for `syncnet_16_pixel_attn` (266 tensors).
 *
 * @example
 * parameterShapes(LITE).get('visual_encoder.conv_in.weight'); // [32, 30, 3, 3]
 */
export function parameterShapes(config: AVAlignNetConfig): Map<string, number[]> {
  return new Map([
    ...towerShapes('audio_encoder', config.audio_encoder),
    ...towerShapes('visual_encoder', config.visual_encoder),
  ]);
}

/**
 * Number of parameters, by formula: works for networks too large to build.
 *
 * Equal to the published totals of every named configuration, see the test.
 *
 * @example
 * countParameters(CONFIGURATIONS.syncnet_16_pixel_attn); // { visual: 267327360, audio: 133978720, total: 401306080 }
 */
export function countParameters(config: AVAlignNetConfig): { visual: number; audio: number; total: number } {
  const count = (tower: TowerConfig) =>
    towerShapes('', tower).reduce((sum, [, shape]) => sum + shape.reduce((product, n) => product * n, 1), 0);
  const [visual, audio] = [count(config.visual_encoder), count(config.audio_encoder)];
  return { visual, audio, total: visual + audio };
}

function towerShapes(prefix: string, tower: TowerConfig): [string, number[]][] {
  const shapes: [string, number[]][] = [];
  const add = (name: string, ...weight: number[]) => {
    shapes.push([`${prefix}.${name}.weight`, weight], [`${prefix}.${name}.bias`, [weight[0]]]);
  };
  const channels = tower.block_out_channels;
  add('conv_in', channels[0], tower.in_channels, 3, 3);
  let before = channels[0];
  let index = 0; // counts attention blocks too
  channels.forEach((width, block) => {
    const name = `down_blocks.${index++}`;
    add(`${name}.norm1`, before);
    add(`${name}.conv1`, width, before, 3, 3);
    add(`${name}.norm2`, width);
    add(`${name}.conv2`, width, width, 3, 3);
    if (before !== width) add(`${name}.conv_shortcut`, width, before, 1, 1);
    if (tower.downsample_factors[block] !== 1) add(`${name}.downsample_conv`, width, width, 3, 3);
    if (tower.attn_blocks?.[block]) addAttention(add, `down_blocks.${index++}`, width);
    before = width;
  });
  add('norm_out', before);
  return shapes;
}

function addAttention(add: (name: string, ...weight: number[]) => void, name: string, width: number): void {
  for (const norm of ['norm1', 'norm2', 'norm3']) add(`${name}.${norm}`, width);
  add(`${name}.ff.net.0.proj`, 8 * width, width);
  add(`${name}.ff.net.2`, width, 4 * width);
  for (const conv of ['conv_in', 'conv_out']) add(`${name}.${conv}`, width, width, 1, 1);
  for (const linear of ['to_q', 'to_k', 'to_v', 'to_out.0']) add(`${name}.attn.${linear}`, width, width);
}
