import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { decodeSafetensors, encodeSafetensors, toFloat16 } from '@lipsync/checkpoints';
import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, test } from 'vitest';
import { readNpz } from '../../../../tests/support/npz';
import { AVAlignNet } from '../network/avalignnet';
import type { AVAlignNetConfig } from '../network/config';
import { CONFIGURATIONS, LITE, lite } from '../network/configurations';
import { parameterShapes } from '../network/parameter-shapes';
import { recipeOf } from '../network/recipe-of';
import { fromTorch, largestDifference, tensors, useWasm } from '../testing/backend';
import { stableFixture } from '../testing/fixture';
import { hashedWeights, noise, safetensorsFile, sha256 } from '../testing/hashed-numbers';
import { RECIPE, random, SMALL } from '../testing/small';
import { loadAVAlignNet, saveAVAlignNet } from './weights';

beforeAll(useWasm);

/** A file of `SMALL`, its metadata changed: an entry that is undefined is left out. */
async function file(change: Record<string, string | undefined> = {}, drop?: string): Promise<Uint8Array> {
  const net = new AVAlignNet(SMALL, { seed: 5, recipe: RECIPE });
  const { tensors, metadata } = decodeSafetensors(await saveAVAlignNet(net));
  net.dispose();
  if (drop) tensors.delete(drop);
  const entries = Object.entries({ ...metadata, ...change }).filter(
    (entry): entry is [string, string] => entry[1] !== undefined,
  );
  return encodeSafetensors(tensors, Object.fromEntries(entries));
}

describe('saveAVAlignNet and loadAVAlignNet', () => {
  test('give back the same network, its recipe and the hash of the file', async () => {
    const net = new AVAlignNet(SMALL, { seed: 5, recipe: RECIPE });
    const bytes = await saveAVAlignNet(net);
    const back = await loadAVAlignNet(bytes);
    expect(back.recipe).toEqual(RECIPE);
    expect(back.config.input).toEqual(SMALL.input);
    expect(back.training).toBe(false);
    expect(back.weightsHash).toBe(sha256(bytes));
    expect(sha256(await saveAVAlignNet(back))).toBe(sha256(bytes));
    const features = random(1, [1, 80, 16, 1], 4);
    expect(largestDifference(back.encodeAudio(features).dataSync(), net.encodeAudio(features).dataSync())).toBe(0);
    net.dispose();
    back.dispose();
  });

  test('write the sections as other readers expect them, in PyTorch names and shapes', async () => {
    const { tensors, metadata } = decodeSafetensors(await file());
    const config = JSON.parse(metadata.config) as AVAlignNetConfig;
    expect(Object.keys(config)).toEqual(['visual_encoder', 'audio_encoder']);
    expect(config.visual_encoder).toEqual({ ...SMALL.visual_encoder, attn_blocks: [0, 0, 0], dropout: 0 });
    expect(metadata.format).toBe('pt');
    expect(tensors.get('visual_encoder.down_blocks.2.conv1.weight')?.shape).toEqual([256, 32, 3, 3]);
    expect([...tensors.keys()].sort()).toEqual([...parameterShapes(SMALL).keys()].sort());
  });

  test('keep a calibration, have none where the file has none, and refuse one that cannot be used', async () => {
    const calibration = { source: 'made', halfAt: [[16, 7] as [number, number]], slope: 1, farPenalty: 0.5 };
    const text = JSON.stringify({ version: 1, ...calibration });
    const net = await loadAVAlignNet(await file({ calibration: text }));
    expect(net.calibration).toEqual(calibration);
    expect(decodeSafetensors(await saveAVAlignNet(net)).metadata.calibration).toBe(text);
    net.dispose();
    const plain = await loadAVAlignNet(await file());
    expect(plain.calibration).toBeUndefined();
    plain.dispose();
    await expect(loadAVAlignNet(await file({ calibration: '{"version":9}' }))).rejects.toThrow(
      "loadAVAlignNet: the file's calibration metadata: version must be 1, got 9",
    );
  });

  test('drop the hash once the weights change', async () => {
    const net = await loadAVAlignNet(await file());
    net.loadStateDict(await net.stateDict());
    expect(net.weightsHash).toBeUndefined();
    net.dispose();
    const other = await loadAVAlignNet(await file());
    other.train();
    expect(other.weightsHash).toBeUndefined();
    other.dispose();
  });

  test('widen half precision', async () => {
    const { tensors, metadata } = decodeSafetensors(await file());
    const halves = encodeSafetensors(new Map([...tensors].map(([name, array]) => [name, toFloat16(array)])), metadata);
    const [net, exact] = [await loadAVAlignNet(halves), await loadAVAlignNet(await file())];
    const features = random(1, [2, 80, 16, 1], 4);
    expect(
      largestDifference(net.encodeAudio(features).dataSync(), exact.encodeAudio(features).dataSync()),
    ).toBeLessThan(1e-3); // measured 1.9e-4: weights rounded by up to 2^-11, 4.9e-4, of themselves
    net.dispose();
    exact.dispose();
  });
});

describe('loadAVAlignNet', () => {
  test('takes configuration and recipe from the options where the file has none', async () => {
    const bytes = await file({ config: undefined, input: undefined, recipe: undefined });
    const net = await loadAVAlignNet(bytes, { config: SMALL, recipe: RECIPE });
    expect(net.recipe).toEqual(RECIPE);
    net.dispose();
    await expect(loadAVAlignNet(bytes)).rejects.toThrow(
      'loadAVAlignNet: the file must be one with config metadata or a published StableSyncNet, or options.config given, got neither',
    );
  });

  test('takes the input size from a recipe', async () => {
    const net = await loadAVAlignNet(await file({ input: undefined }));
    expect(net.config.input).toEqual(SMALL.input);
    net.dispose();
    await expect(loadAVAlignNet(await file({ input: undefined, recipe: undefined }))).rejects.toThrow(
      'the input size must be in the file (input metadata), in options.config or in a recipe, got in none of them',
    );
  });

  test('works without a recipe until one is asked for', async () => {
    const net = await loadAVAlignNet(await file({ recipe: undefined }));
    expect(net.hasRecipe).toBe(false);
    expect(() => net.recipe).toThrow('built or loaded with a recipe');
    net.dispose();
  });

  test('refuses a recipe that contradicts the file, naming each difference', async () => {
    const other = {
      ...RECIPE,
      color: 'BGR' as const,
      crop: { ...RECIPE.crop, sampling: 'half pixel' } as typeof RECIPE.crop,
    };
    await expect(loadAVAlignNet(await file(), { recipe: other })).rejects.toThrow(
      `loadAVAlignNet: options.recipe must be the file's (color "RGB", crop.sampling "exact"), got color "BGR", crop.sampling "half pixel"`,
    );
    const same = await loadAVAlignNet(await file(), { recipe: { ...RECIPE } });
    same.dispose();
  });

  test('refuses a recipe that does not fit the network', async () => {
    const bytes = await file({ recipe: undefined });
    await expect(loadAVAlignNet(bytes, { recipe: { ...RECIPE, frameCount: 10 } })).rejects.toThrow(
      'loadAVAlignNet: recipe.frameCount must be 5, as in the configuration, got 10',
    );
  });

  test('refuses a configuration that contradicts the file', async () => {
    const bytes = await file();
    await expect(loadAVAlignNet(bytes, { config: LITE })).rejects.toThrow(
      "options.config must be the file's, got another visual_encoder.in_channels, visual_encoder.block_out_channels",
    );
  });

  test('lists all that is missing, unused and misshapen in one error, and leaves no tensor', async () => {
    const before = tensors();
    const attentive = { ...SMALL.visual_encoder, attn_blocks: [0, 0, 1], in_channels: 30 };
    const config = JSON.stringify({ visual_encoder: attentive, audio_encoder: SMALL.audio_encoder });
    const bytes = await file({ config, recipe: undefined }, 'audio_encoder.norm_out.bias');
    const error = await loadAVAlignNet(bytes).catch((caught: Error) => caught);
    expect(error).toBeInstanceOf(Error);
    const { message } = error as Error;
    expect(message).toContain('visual_encoder.down_blocks.3.attn.to_q.weight');
    expect(message).toContain('audio_encoder.norm_out.bias');
    expect(message).toContain('visual_encoder.conv_in.weight');
    expect(tensors()).toBe(before);
  });

  test('refuses metadata that is not JSON', async () => {
    await expect(loadAVAlignNet(await file({ config: '{' }))).rejects.toThrow(
      "loadAVAlignNet: the file's config metadata must be JSON",
    );
  });
});

const PYTHON = '/usr/bin/python3';
const hasTorch = (() => {
  try {
    execFileSync(PYTHON, ['-c', 'import torch, numpy'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
})();

describe('a StableSyncNet, by its names and shapes alone', () => {
  const { config: towers, input, visual, audio } = stableFixture();
  const config: AVAlignNetConfig = { ...towers, input };
  const frames = () => fromTorch(noise(1, 2 * 48 * 128 * 256), [2, 48, 128, 256]);
  const features = () => random(2, [2, 80, 52, 1], 4);

  async function assertEmbedsAsPyTorch(source: string | Uint8Array): Promise<void> {
    const net = await loadAVAlignNet(source);
    expect(net.config).toEqual(config);
    expect(net.recipe).toEqual(recipeOf(config));
    expect(net.weightsHash).toMatch(/^[0-9a-f]{64}$/);
    const embeddings = net.forward(frames(), features());
    // Measured 7e-7 and 4e-7.
    expect(largestDifference(embeddings.visual.dataSync(), visual)).toBeLessThan(3e-6);
    expect(largestDifference(embeddings.audio.dataSync(), audio)).toBeLessThan(3e-6);
    net.dispose();
  }

  test('is recognised in a safetensors file without metadata, and gives PyTorch’s embeddings', () =>
    assertEmbedsAsPyTorch(safetensorsFile(hashedWeights(parameterShapes(config)), {})));

  test.skipIf(!hasTorch)(
    `is recognised in a file of torch.save${hasTorch ? '' : ' (skipped: no PyTorch)'}`,
    async () => {
      const folder = mkdtempSync(join(tmpdir(), 'lipsync-stable-'));
      try {
        const script = fileURLToPath(new URL('../../../../reference/avalignnet-reference.py', import.meta.url));
        const path = join(folder, 'stable_syncnet.pt');
        execFileSync(PYTHON, [script, '--save-stable', path]);
        await assertEmbedsAsPyTorch(path);
      } finally {
        rmSync(folder, { recursive: true });
      }
    },
    60_000,
  );

  test('of latents has a recipe with an encoder, and takes latents without one', async () => {
    const { syncnet_16_latent: full } = CONFIGURATIONS;
    const narrow: AVAlignNetConfig = {
      ...full,
      visual_encoder: { ...full.visual_encoder, block_out_channels: [32, 32, 32, 32, 32, 256] },
      audio_encoder: { ...full.audio_encoder, block_out_channels: [32, 32, 32, 32, 32, 256] },
    };
    const bytes = safetensorsFile(hashedWeights(parameterShapes(narrow)), {});
    const bare = await loadAVAlignNet(bytes);
    expect(bare.config).toEqual(narrow);
    expect(bare.hasRecipe).toBe(false);
    // An encoder that averages 8 x 8 pixels and repeats red as the fourth channel.
    const encode = (x: tf.Tensor4D) =>
      tf.tidy(() => {
        const small = tf.avgPool(x, 8, 8, 'valid');
        return tf.concat([small, tf.slice(small, [0, 0, 0, 0], [-1, -1, -1, 1])], 3);
      });
    const net = await loadAVAlignNet(bytes, { encoder: { encode } });
    expect(net.recipe).toEqual(recipeOf(full));
    const pixels = random(3, [1, 256, 256, 48]);
    const latents = tf.tidy(() =>
      tf.concat(
        tf.split(pixels, 16, 3).map((frame) => encode(frame as tf.Tensor4D)),
        3,
      ),
    );
    const before = tensors();
    const [byPixels, byLatents] = [net.encodeVisual(pixels), bare.encodeVisual(latents as tf.Tensor4D)];
    expect(tensors()).toBe(before + 2);
    expect(largestDifference(byPixels.dataSync(), byLatents.dataSync())).toBeLessThan(1e-6); // measured 0
    expect(() => net.encodeVisual(latents as tf.Tensor4D)).toThrow('frames must be of shape [batch, 256, 256, 48]');
    const wrong = await loadAVAlignNet(bytes, { encoder: { encode: (x) => tf.clone(x) } });
    expect(() => wrong.encodeVisual(pixels)).toThrow(
      'AVAlignNet: options.encoder must be [16, 32, 32, 4] from encode, got [16, 256, 256, 3]',
    );
    for (const each of [bare, net, wrong]) each.dispose();
  });
});

describe('a file of PyTorch', () => {
  test('of another network is loaded by its config and recipe, and refused without', async () => {
    const state = hashedWeights(parameterShapes(SMALL));
    const bytes = safetensorsFile(state, {});
    const net = await loadAVAlignNet(bytes, { config: SMALL, recipe: RECIPE });
    expect([net.recipe, net.weightsHash]).toEqual([RECIPE, sha256(bytes)]);
    net.dispose();
    await expect(loadAVAlignNet(bytes)).rejects.toThrow('or options.config given, got neither');
  });

  test('that was written under the earlier names of sizes loads as it did', async () => {
    const { frameCount: frames, featureSteps: melSteps, height, width } = SMALL.input;
    const { frameCount: _, features: mel, featureSteps: __, ...rest } = RECIPE;
    const input = JSON.stringify({ frames, height, width, melSteps });
    const net = await loadAVAlignNet(await file({ input, recipe: JSON.stringify({ ...rest, frames, mel, melSteps }) }));
    expect(net.config.input).toEqual(SMALL.input);
    expect(net.recipe).toEqual(RECIPE);
    net.dispose();
  });
});

/** Where real weights may lie: beside the repository. */
const SHARED = process.env.LIPSYNC_SHARED ?? fileURLToPath(new URL('../../../../../shared', import.meta.url));
const WEIGHTS = `${SHARED}/weights/feasibility-10x48.safetensors`;

describe('a network trained in PyTorch', () => {
  test.skipIf(!existsSync(WEIGHTS))('gives its embeddings to 1e-4 (skipped without ../shared/weights)', async () => {
    const recipe = {
      frameCount: 10,
      fps: 25,
      crop: {
        kind: 'similarity',
        centre: 'mean 48-67',
        upright: 'eye centres',
        side: 1.18,
        size: 48,
        window: 'clip median',
      },
      color: 'RGB',
      range: [-1, 1],
      features: 'THESIS_MEL',
      featureSteps: 32,
    } as const;
    const net = await loadAVAlignNet(new Uint8Array(readFileSync(WEIGHTS)), { recipe });
    expect(net.config).toEqual(lite());
    const check = await readNpz(WEIGHTS.replace('.safetensors', '-check.npz'));
    const array = (name: string) => check.get(name) as { shape: number[]; data: Float32Array };
    const frames = fromTorch(array('images_nchw').data, array('images_nchw').shape);
    const features = tf.transpose(tf.tensor4d(array('mel_nchw').data, [2, 1, 80, 32]), [0, 2, 3, 1]) as tf.Tensor4D;
    const { visual, audio } = net.forward(frames, features);
    // measured 2.2e-7; 1e-4 is the limit promised
    expect(largestDifference(visual.dataSync(), array('visual').data)).toBeLessThan(2e-6);
    expect(largestDifference(audio.dataSync(), array('audio').data)).toBeLessThan(2e-6); // measured 2.2e-7
    // measured 3e-8
    expect(largestDifference(net.score(frames, features).dataSync(), array('cosine').data)).toBeLessThan(5e-7);
    net.dispose();
  });
});
