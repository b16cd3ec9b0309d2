import { AVAlignNet, type AVAlignNetConfig, lite } from '@lipsync/avalignnet';
import { selectBackend } from '@lipsync/backends';
import { openByteSource, toFloat16 } from '@lipsync/checkpoints';
import { AUDIO_FEATURES, frameShape, type SyncRecipe } from '@lipsync/contracts';
import type { SyncExpert } from '@lipsync/contracts/tensors';
import type { Module } from '@lipsync/nn';
import { DinetSyncNet, dinetRecipe, LatentSyncWav2LipSyncNet, SyncNet, Wav2LipSyncNet } from '@lipsync/syncnet';
import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, test } from 'vitest';
import { exportOnnx, onnxModels } from './export-onnx';
import { expertOfMetadata, readOnnxMetadata } from './format/onnx-metadata';
import { runOnnx } from './testing/run-onnx';

beforeAll(async () => {
  await selectBackend({ backend: 'wasm', threads: 1, log: () => {} });
});

function recipeOf({ input: { frameCount, height, featureSteps } }: AVAlignNetConfig): SyncRecipe {
  const crop = { kind: 'whole frame', size: height, resize: 'none' } as const;
  return { frameCount, fps: 25, crop, color: 'RGB', range: [0, 1], features: 'THESIS_MEL', featureSteps };
}

/** A network whose norms do something. */
function stirred<N extends Module>(net: N): N {
  for (const [name, { variable }] of [...net.namedParameters(), ...net.namedBuffers()]) {
    if (variable.dtype !== 'float32' || variable.rank !== 1) continue;
    const [low, high] = /var$/.test(name) ? [0.5, 1.5] : /weight$/.test(name) ? [0.75, 1.25] : [-0.2, 0.2];
    tf.tidy(() => variable.assign(tf.randomUniform(variable.shape, low, high, 'float32', name.length)));
  }
  return net;
}

const config = (attention: boolean) => lite({ frameCount: 5, size: 32, attention });
const experts: Record<string, () => SyncExpert & Module> = {
  AVAlignNet: () => stirred(new AVAlignNet(config(false), { seed: 1, recipe: recipeOf(config(false)) })),
  'AVAlignNet with attention': () => stirred(new AVAlignNet(config(true), { seed: 1, recipe: recipeOf(config(true)) })),
  SyncNet: () => stirred(new SyncNet({ seed: 1, width: 0.03125 })),
  'Wav2Lip’s': () => stirred(new Wav2LipSyncNet({ seed: 1, width: 0.0625 })),
  'LatentSync’s': () => stirred(new LatentSyncWav2LipSyncNet({ seed: 1, width: 0.03125 })),
  'DINet’s': () => stirred(new DinetSyncNet({ seed: 1, channels: 8, recipe: dinetRecipe(64) })),
};

function inputsOf({ recipe }: SyncExpert, batch: number) {
  const { height, width } = frameShape(recipe.crop);
  const frames = tf.randomUniform([batch, height, width, recipe.frameCount * 3], 0, 1, 'float32', 1) as tf.Tensor4D;
  const features = tf.randomUniform(
    [batch, AUDIO_FEATURES[recipe.features].bins, recipe.featureSteps, 1],
    -4,
    4,
    'float32',
    2,
  ) as tf.Tensor4D;
  return { frames, features };
}

/** Largest difference by the largest number. */
function difference(ours: tf.Tensor, theirs: tf.Tensor): number {
  expect(theirs.shape).toEqual(ours.shape);
  return tf.tidy(() => tf.div(tf.max(tf.abs(tf.sub(ours, theirs))), tf.max(tf.abs(ours))).dataSync()[0]);
}

describe.each(Object.entries(experts))('exportOnnx of %s', (_, make) => {
  test('exports graphs that compute the network’s output, for other batch sizes than the traced ones', async () => {
    const expert = make();
    const models = await onnxModels(expert);
    const before = tf.memory().numTensors;
    for (const batch of [1, 2]) {
      const { frames, features } = inputsOf(expert, batch);
      const ours = [expert.encodeVisual(frames), expert.encodeAudio(features)];
      const theirs = [runOnnx(models.visual, { frames }), runOnnx(models.audio, { features })];
      // Measured 2e-6 at most: GroupNorm sums in another order, BatchNorm is in the weights.
      for (const i of [0, 1]) expect(difference(ours[i], theirs[i])).toBeLessThan(1e-5);
      if (models.pair) {
        const pair = { frames: ours[0], audio: ours[1] };
        const distances = [expert.pairDistances?.(ours[0], ours[1]) as tf.Tensor, runOnnx(models.pair, pair)];
        expect(difference(distances[0], distances[1])).toBeLessThan(1e-5); // measured 0; as for the embeddings
        tf.dispose(distances);
      }
      tf.dispose([frames, features, ours, theirs]);
    }
    expect(tf.memory().numTensors).toBe(before);
    expect(models.pair === undefined).toBe(expert.space !== 'joint');
    expert.dispose();
  });

  test('leaves the backend, the number of tensors and the network as they were', async () => {
    const expert = make();
    const [tensors, backend] = [tf.memory().numTensors, tf.getBackend()];
    await exportOnnx(expert);
    expect(tf.memory().numTensors).toBe(tensors);
    expect(tf.getBackend()).toBe(backend);
    expect(Object.keys(tf.engine().registryFactory)).not.toContain('lipsync-onnx-trace');
    expert.dispose();
  });
});

test('exportOnnx keeps PyTorch’s names and shapes, and transposes once where there are only convolutions', async () => {
  const expert = experts.AVAlignNet();
  const { visual } = await onnxModels(expert);
  const weights = new Map(visual.initializers.map(({ name, shape, data }) => [name, { shape, data }]));
  const state = await expert.stateDict();
  for (const name of [
    'visual_encoder.conv_in.weight',
    'visual_encoder.down_blocks.1.conv_shortcut.weight',
    'visual_encoder.down_blocks.0.conv1.bias',
  ]) {
    expect(weights.get(name)?.shape, name).toEqual(state.get(name)?.shape);
    expect(weights.get(name)?.data, name).toEqual(state.get(name)?.data);
  }
  const operators = visual.nodes.map(({ operator }) => operator);
  expect(operators.filter((operator) => operator === 'Transpose')).toHaveLength(1);
  expect(operators).not.toContain('Pad');
  expert.dispose();
});

test('exportOnnx folds BatchNorms into the convolutions', async () => {
  const expert = experts['Wav2Lip’s']();
  const { visual } = await onnxModels(expert);
  const operators = new Set(visual.nodes.map(({ operator }) => operator));
  expect([...operators].sort()).toEqual([
    'Add',
    'Conv',
    'Div',
    'Identity',
    'Max',
    'Mul',
    'ReduceSum',
    'Relu',
    'Reshape',
    'Sqrt',
    'Transpose',
  ]);
  expect(visual.initializers.map(({ name }) => name)).toContain('face_encoder.0.conv_block.0.weight.normed');
  expect(visual.nodes.filter(({ operator }) => operator === 'Mul')).toHaveLength(1); // the square in the length
  expert.dispose();
});

test('exportOnnx writes the expert’s description into each file, and another hash for rounded weights', async () => {
  const expert = experts.AVAlignNet() as AVAlignNet;
  expert.weightsHash = 'ab'.repeat(32);
  expert.calibration = { source: 'made', halfAt: [[16, 7] as [number, number]], slope: 1, farPenalty: 0.5 };
  const metadata = async (pieces: Uint8Array[]) => readOnnxMetadata(await openByteSource(Buffer.concat(pieces)));
  const files = await exportOnnx(expert);
  const half = await exportOnnx(expert, { float16: true });
  const found = await metadata(files.audio);
  expect(found).toMatchObject({
    name: 'AVAlignNet',
    space: 'unit',
    part: 'audio',
    embeddingSize: '256',
    weightsHash: expert.weightsHash,
  });
  expect(JSON.parse(found.recipe)).toEqual(expert.recipe);
  expect(expertOfMetadata('f', 'x.onnx', found).calibration).toEqual(expert.calibration);
  expect(await metadata(files.visual)).toEqual({ ...found, part: 'visual' });
  const rounded = await metadata(half.audio);
  expect(rounded.weights).toBe('float16');
  expect(rounded.weightsHash).toMatch(/^[0-9a-f]{64}$/);
  expect(rounded.weightsHash).not.toBe(found.weightsHash);
  expect(Buffer.concat(half.visual).length / Buffer.concat(files.visual).length).toBeLessThan(0.52);
  expert.dispose();
});

test('exportOnnx keeps the hash of weights that are float16 already', async () => {
  const expert = experts.AVAlignNet() as AVAlignNet;
  const halves = new Map([...(await expert.stateDict())].map(([name, array]) => [name, toFloat16(array)]));
  expert.loadStateDict(halves, { where: 'test' });
  expert.weightsHash = 'ab'.repeat(32);
  const { visual } = await exportOnnx(expert, { float16: true });
  const metadata = await readOnnxMetadata(await openByteSource(Buffer.concat(visual)));
  expect(metadata).toMatchObject({ weights: 'float16', weightsHash: expert.weightsHash });
  expert.dispose();
});

test('exportOnnx refuses a network in training mode, and one with an unknown operation', async () => {
  const expert = experts.AVAlignNet() as AVAlignNet;
  expert.train();
  await expect(exportOnnx(expert)).rejects.toThrow(
    'exportOnnx: expert must be in evaluation mode (call eval()), got in training mode',
  );
  expert.eval();
  const odd: SyncExpert = {
    ...expert,
    recipe: expert.recipe,
    encodeVisual: (x) => tf.cumsum(tf.reshape(x, [x.shape[0], -1]), 1) as tf.Tensor2D,
    encodeAudio: (x) => expert.encodeAudio(x),
    dispose() {},
  };
  await expect(exportOnnx(odd)).rejects.toThrow(
    /exportOnnx: the network must be of the kernels .*Conv2D.*, got Cumsum/,
  );
  expect(tf.getBackend()).toBe('wasm');
  expert.dispose();
});
