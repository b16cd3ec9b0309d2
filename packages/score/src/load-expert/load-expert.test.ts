import '@tensorflow/tfjs-backend-cpu';
import { fileURLToPath } from 'node:url';
import { AVAlignNet, type AVAlignNetConfig, LITE, recipeOf, saveAVAlignNet } from '@lipsync/avalignnet';
import { encodeSafetensors } from '@lipsync/checkpoints';
import { readOnnxExpert } from '@lipsync/onnx';
import { EXPERT_FILES, EXPERT_SHA256 } from '@lipsync/pretrained';
import { SYNCNET_RECIPE, SyncNet, saveSyncNetwork } from '@lipsync/syncnet';
import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, expect, test } from 'vitest';
import { loadExpert } from './load-expert';

beforeAll(() => tf.setBackend('cpu'));

const SMALL: AVAlignNetConfig = {
  visual_encoder: { in_channels: 15, block_out_channels: [32, 256], downsample_factors: [4, 4] },
  audio_encoder: {
    in_channels: 1,
    block_out_channels: [32, 256],
    downsample_factors: [
      [10, 4],
      [8, 4],
    ],
  },
  input: { frameCount: 5, height: 16, width: 16, featureSteps: 16 },
};
const recipe = { ...recipeOf(LITE), frameCount: 5, featureSteps: 16 };
const smallRecipe = { ...recipe, crop: { ...recipe.crop, size: 16 } } as typeof recipe;

/** A made network's file and state dict. */
async function saved(config: AVAlignNetConfig, options: { recipe?: typeof recipe } = {}) {
  const net = new AVAlignNet(config, { seed: 5, ...options });
  try {
    return { bytes: await saveAVAlignNet(net), state: await net.stateDict() };
  } finally {
    net.dispose();
  }
}

test('loadExpert loads the network whose parameters a file holds, from bytes and Blobs', async () => {
  const before = tf.memory().numTensors;
  const { bytes } = await saved(SMALL, { recipe: smallRecipe });
  for (const source of [bytes, new Blob([Uint8Array.from(bytes)])]) {
    const expert = await loadExpert(source);
    expect(expert).toMatchObject({ name: 'AVAlignNet', space: 'unit', recipe: smallRecipe });
    expect(expert.weightsHash).toMatch(/^[0-9a-f]{64}$/);
    expert.dispose();
  }
  const published = new SyncNet({ seed: 1, width: 1 / 16 });
  const other = await saveSyncNetwork(published);
  published.dispose();
  const syncnet = await loadExpert(other);
  expect(syncnet).toMatchObject({ space: 'euclidean', recipe: SYNCNET_RECIPE });
  syncnet.dispose();
  expect(tf.memory().numTensors).toBe(before);
});

test('loadExpert without a source loads the weights of @lipsync/pretrained', async () => {
  const before = tf.memory().numTensors;
  const expert = await loadExpert();
  expect(expert).toMatchObject({ name: 'AVAlignNet', space: 'unit', weightsHash: EXPERT_SHA256 });
  expect(expert.recipe.fps).toBe(25);
  const same = await loadExpert(fileURLToPath(EXPERT_FILES.safetensors.url));
  expect([same.recipe, same.weightsHash]).toEqual([expert.recipe, expert.weightsHash]);
  for (const each of [expert, same]) each.dispose();
  expect(tf.memory().numTensors).toBe(before);
});

test('the ONNX files of @lipsync/pretrained are of the same network, by their metadata', async () => {
  const session = { run: async () => ({}), release: async () => {} };
  const ort = { InferenceSession: { create: async () => session }, Tensor: class {} };
  const { visual, audio } = EXPERT_FILES;
  const [expert, onnx] = [await loadExpert(), await readOnnxExpert({ visual: visual.url, audio: audio.url }, { ort })];
  const { name, space, recipe, embeddingSize, weightsHash } = expert;
  expect(onnx).toMatchObject({ name, space, recipe, embeddingSize, weightsHash });
  for (const each of [expert, onnx]) each.dispose();
});

test('loadExpert asks for a recipe where a file has none', async () => {
  const { bytes } = await saved(SMALL);
  const before = tf.memory().numTensors;
  await expect(loadExpert(bytes)).rejects.toThrow(
    'loadExpert: options.recipe must be given for the weights given, whose metadata has none',
  );
  expect(tf.memory().numTensors).toBe(before);
  const expert = await loadExpert(bytes, { recipe: smallRecipe });
  expect(expert.recipe).toEqual(smallRecipe);
  expert.dispose();
});

test('loadExpert asks for the encoder where a network takes latents, with a recipe or without', async () => {
  const latents = { ...SMALL, visual_encoder: { ...SMALL.visual_encoder, in_channels: 20 } };
  const { bytes } = await saved(latents);
  const before = tf.memory().numTensors;
  await expect(loadExpert(bytes)).rejects.toThrow(
    'loadExpert: options.encoder must be given for the weights given, which takes latents of 4 channels',
  );
  await expect(loadExpert(bytes, { recipe: smallRecipe })).rejects.toThrow(
    'options.encoder must be given with a recipe',
  );
  expect(tf.memory().numTensors).toBe(before);
});

test('loadExpert asks which of several dicts is meant, and says where the named one is not in the file', async () => {
  const file = new URL('../../../checkpoints/fixtures/torch/several.zip.pth', import.meta.url).pathname;
  await expect(loadExpert(file)).rejects.toThrow(
    'loadExpert: options.prefix must be one of state_dict.net_g, state_dict.net_dI, as',
  );
  await expect(loadExpert(file, { prefix: 'ema' })).rejects.toThrow('loadExpert: options.prefix must be in front of');
});

test('loadExpert takes the names of data-parallel training, torch.compile and Lightning', async () => {
  const { state } = await saved(SMALL);
  const [name] = [...state.keys()];
  for (const prefix of ['module._orig_mod.', 'model.']) {
    const named = new Map([...state].map(([key, array]) => [`${prefix}${key}`, array]));
    const expert = await loadExpert(encodeSafetensors(named), { config: SMALL, recipe: smallRecipe });
    const again = await (expert as AVAlignNet).stateDict();
    expect(again.get(name)?.data).toEqual(state.get(name)?.data);
    expert.dispose();
  }
});

test('loadExpert refuses weights with NaN or infinite values, and names them', async () => {
  const { state } = await saved(SMALL, { recipe: smallRecipe });
  const [name] = [...state.keys()];
  (state.get(name) as { data: Float32Array }).data[3] = Number.POSITIVE_INFINITY;
  const before = tf.memory().numTensors;
  await expect(loadExpert(encodeSafetensors(state), { config: SMALL, recipe: smallRecipe })).rejects.toThrow(
    `1 with values that are not finite: ${name} (Infinity at 3, 1 of`,
  );
  expect(tf.memory().numTensors).toBe(before);
});

test('loadExpert names the network of a file that holds another kind', async () => {
  const one = (shape: number[]) => ({
    dtype: 'float32' as const,
    shape,
    data: new Float32Array(shape.reduce((a, b) => a * b)),
  });
  const generator = new Map([
    ['adaAT.commn_linear.0.weight', one([2, 2])],
    ['source_in_conv.0.conv.weight', one([4, 3, 7, 7])],
  ]);
  await expect(loadExpert(encodeSafetensors(generator))).rejects.toThrow(
    'loadExpert: source must be the weights of a sync network, got the weights given, which holds DINet’s generator (generates dubbed faces)',
  );
});
