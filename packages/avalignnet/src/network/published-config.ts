import { type AVAlignNetConfig, completeTower, type TowerConfig } from './config';
import { STABLE_SYNCNET } from './configurations';

/** What names and shapes say of a tower: everything but strides and dropout. */
type Layout = { in_channels: number; block_out_channels: number[]; downsampled: boolean[]; attn_blocks: number[] };

/**
 * The published StableSyncNet configuration that a state dict belongs to, with the channels of the state dict.
 *
 * Names and shapes tell channels, attention and which blocks are strided, but not the strides; those are taken from the
 * published configuration with the same input channels, attention and strided blocks. No two of the four agree in
 * these.
 *
 * @param shapes PyTorch's shapes by name.
 * @returns undefined where the state dict is that of no published configuration.
 * @example
 * publishedConfig(parameterShapes(CONFIGURATIONS.syncnet_16_pixel_attn))?.input; // { frameCount: 16, height: 128, … }
 */
export function publishedConfig(shapes: ReadonlyMap<string, readonly number[]>): AVAlignNetConfig | undefined {
  const [visual, audio] = [layoutOf(shapes, 'visual_encoder'), layoutOf(shapes, 'audio_encoder')];
  if (!visual || !audio) return undefined;
  for (const { visual_encoder, audio_encoder, input } of Object.values<AVAlignNetConfig>(STABLE_SYNCNET)) {
    if (fits(visual, visual_encoder) && fits(audio, audio_encoder)) {
      const scaled = (tower: TowerConfig, { block_out_channels }: Layout) => ({ ...tower, block_out_channels });
      return { visual_encoder: scaled(visual_encoder, visual), audio_encoder: scaled(audio_encoder, audio), input };
    }
  }
  return undefined;
}

function layoutOf(shapes: ReadonlyMap<string, readonly number[]>, tower: string): Layout | undefined {
  const first = shapes.get(`${tower}.conv_in.weight`);
  if (first === undefined) return undefined;
  const layout: Layout = { in_channels: first[1], block_out_channels: [], downsampled: [], attn_blocks: [] };
  for (let index = 0; ; index++) {
    const name = `${tower}.down_blocks.${index}`;
    const conv = shapes.get(`${name}.conv1.weight`);
    if (conv !== undefined) {
      layout.block_out_channels.push(conv[0]);
      layout.downsampled.push(shapes.has(`${name}.downsample_conv.weight`));
      layout.attn_blocks.push(0);
    } else if (index > 0 && shapes.has(`${name}.attn.to_q.weight`)) {
      layout.attn_blocks[layout.attn_blocks.length - 1] = 1;
    } else {
      return layout;
    }
  }
}

function fits(layout: Layout, tower: TowerConfig): boolean {
  const { in_channels, attn_blocks, downsample_factors } = completeTower(tower);
  return (
    layout.in_channels === in_channels &&
    layout.attn_blocks.join() === attn_blocks.join() &&
    layout.downsampled.join() === downsample_factors.map((factor) => factor !== 1).join()
  );
}
