import { selectBackend } from '@lipsync/backends';
import { DinetSyncNet, dinetRecipe } from '@lipsync/syncnet';
import * as tf from '@tensorflow/tfjs-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { exportOnnx, type OnnxExpertInfo, onnxModels } from '../export-onnx';
import { encodeOnnxModel, type OnnxModel } from '../format/onnx-model';
import { fakeOnnxRuntime } from '../testing/fake-onnxruntime';
import { createOnnxExpert, readOnnxExpert } from './onnx-expert';

let net: DinetSyncNet;
let files: Record<'visual' | 'audio' | 'pair', Uint8Array>;
let models: Map<unknown, OnnxModel>;
beforeAll(async () => {
  await selectBackend({ backend: 'wasm', threads: 1, log: () => {} });
  net = new DinetSyncNet({ seed: 1, channels: 4, recipe: dinetRecipe(32) });
  const pieces = await exportOnnx(net);
  files = Object.fromEntries(
    Object.entries(pieces).map(([part, list]) => [part, Buffer.concat(list)]),
  ) as unknown as typeof files;
  models = new Map(
    Object.entries(await onnxModels(net)).map(([part, model]) => [files[part as 'visual'], model as OnnxModel]),
  );
});
afterAll(() => net.dispose());

const inputs = () => ({
  frames: tf.randomUniform([2, 32, 32, 15], 0, 1, 'float32', 1) as tf.Tensor4D,
  features: tf.randomUniform([2, 29, 9, 1], -1, 1, 'float32', 2) as tf.Tensor4D,
});
const close = (ours: ArrayLike<number>, theirs: ArrayLike<number>) =>
  Array.from(ours).every((number, i) => Math.abs(number - theirs[i]) < 1e-6); // measured 0

test('readOnnxExpert gives the expert that was exported: description, embeddings, distances', async () => {
  const { ort } = fakeOnnxRuntime(models);
  const expert = await readOnnxExpert(files, { ort });
  expect(expert).toMatchObject({
    name: 'DINet',
    space: 'joint',
    recipe: net.recipe,
    embeddingSize: 4,
    audioEmbeddingSize: 4,
  });
  const { frames, features } = inputs();
  const before = tf.memory().numTensors;
  const ours = [net.encodeVisual(frames), net.encodeAudio(features)];
  const theirs = [expert.encodeVisual(frames), expert.encodeAudio(features)];
  for (const i of [0, 1]) {
    expect(theirs[i].shape).toEqual(ours[i].shape);
    expect(close(await ours[i].data(), await theirs[i].data())).toBe(true);
  }
  const distances = [net.pairDistances(ours[0], ours[1]), expert.pairDistances?.(theirs[0], theirs[1]) as tf.Tensor1D];
  expect(close(await distances[0].data(), await distances[1].data())).toBe(true);
  tf.dispose([ours, theirs, distances]);
  expect(tf.memory().numTensors).toBe(before);
  tf.dispose([frames, features]);
  expert.dispose();
});

test('OnnxExpert takes tensors that are disposed at once, as inside a tidy', async () => {
  const expert = await readOnnxExpert(files, { ort: fakeOnnxRuntime(models).ort });
  const embedding = tf.tidy(() => expert.encodeVisual(inputs().frames));
  const { frames, features } = inputs();
  const ours = net.encodeVisual(frames);
  expect(close(await ours.data(), await embedding.data())).toBe(true);
  tf.dispose([frames, features, ours, embedding]);
  expert.dispose();
});

test('OnnxExpert’s embeddings can be used by tfjs once they are computed, and throw before', async () => {
  const expert = await readOnnxExpert(files, { ort: fakeOnnxRuntime(models).ort });
  const { frames, features } = inputs();
  const embedding = expert.encodeVisual(frames);
  expect(() => tf.square(embedding)).toThrow(
    'OnnxExpert: the result must be waited for (await tensor.data()) before it is used, got used at once',
  );
  const numbers = await embedding.data();
  const squares = tf.square(embedding);
  expect(squares.dataSync()[0]).toBeCloseTo(numbers[0] ** 2, 6); // measured 0
  tf.dispose([frames, features, embedding, squares]);
  expert.dispose();
});

test('OnnxExpert runs one call at a time, ends its sessions after them, and throws afterwards', async () => {
  const { ort, asked } = fakeOnnxRuntime(models);
  const expert = await readOnnxExpert(files, { ort });
  const { frames, features } = inputs();
  const results = [expert.encodeVisual(frames), expert.encodeVisual(frames), expert.encodeAudio(features)];
  expert.dispose();
  expert.dispose();
  await Promise.all(results.map((result) => result.data()));
  await new Promise((done) => setTimeout(done, 5));
  expect(asked).toMatchObject({ runs: 3, running: 0, released: 3 });
  expect(() => expert.encodeVisual(frames)).toThrow(
    'OnnxExpert.encodeVisual: this expert must be in use, got one that was disposed',
  );
  tf.dispose([frames, features, results]);
});

test('OnnxExpert throws onnxruntime’s error where the embedding is read, and continues', async () => {
  const { ort, asked } = fakeOnnxRuntime(models);
  const expert = await readOnnxExpert(files, { ort });
  const { frames, features } = inputs();
  asked.running = 1; // the fake refuses while it believes that something runs
  const broken = expert.encodeVisual(frames);
  await expect(broken.data()).rejects.toThrow('a second call while the first runs');
  asked.running = 0;
  const whole = expert.encodeAudio(features);
  expect((await whole.data()).length).toBe(8);
  tf.dispose([frames, features, broken, whole]);
  expert.dispose();
});

test('OnnxExpert refuses other shapes and types', async () => {
  const expert = await readOnnxExpert(files, { ort: fakeOnnxRuntime(models).ort });
  const wrong = tf.zeros([1, 32, 32, 3]) as tf.Tensor4D;
  const whole = tf.zeros([1, 32, 32, 15], 'int32') as tf.Tensor4D;
  const rows = tf.zeros([1, 5]) as tf.Tensor2D;
  expect(() => expert.encodeVisual(wrong)).toThrow(
    'OnnxExpert.encodeVisual: frames must be of shape [batch, 32, 32, 15], got [1, 32, 32, 3]',
  );
  expect(() => expert.encodeAudio(wrong)).toThrow(
    'OnnxExpert.encodeAudio: features must be of shape [batch, 29, 9, 1]',
  );
  expect(() => expert.encodeVisual(whole)).toThrow('OnnxExpert: frames must be float32, got int32');
  expect(() => expert.pairDistances?.(rows, rows)).toThrow(
    'OnnxExpert.pairDistances: embeddings must be of shapes [batch, 4] and [batch, 4], got [1,5] and [1,5]',
  );
  tf.dispose([wrong, whole, rows]);
  expert.dispose();
});

test('readOnnxExpert opens files of earlier versions: the part vision, the input mel, the recipe’s earlier keys', async () => {
  const { frameCount, featureSteps, features: name, ...rest } = net.recipe;
  const recipe = JSON.stringify({ ...rest, frames: frameCount, melSteps: featureSteps, mel: name });
  const earlier = new Map<unknown, OnnxModel>();
  const inputOf = (model: OnnxModel, from: string, to: string): OnnxModel => ({
    ...model,
    inputs: model.inputs.map((input) => (input.name === from ? { ...input, name: to } : input)),
    nodes: model.nodes.map((node) => ({ ...node, inputs: node.inputs.map((input) => (input === from ? to : input)) })),
  });
  const bytes = (part: 'visual' | 'audio' | 'pair') => {
    const model = inputOf(models.get(files[part])!, 'features', 'mel');
    const metadata = { ...model.metadata, recipe, part: part === 'visual' ? 'vision' : part };
    const encoded = Buffer.concat(encodeOnnxModel({ ...model, metadata }));
    earlier.set(encoded, model);
    return encoded;
  };
  const old = { visual: bytes('visual'), audio: bytes('audio'), pair: bytes('pair') };
  const expert = await readOnnxExpert(old, { ort: fakeOnnxRuntime(earlier).ort });
  expect(expert.recipe).toEqual(net.recipe);
  const { features } = inputs();
  const [ours, theirs] = [net.encodeAudio(features), expert.encodeAudio(features)];
  expect(close(await ours.data(), await theirs.data())).toBe(true);
  tf.dispose([features, ours, theirs]);
  expert.dispose();
});

test('createOnnxExpert passes on threads and providers, and ends sessions where one cannot start', async () => {
  const { ort, asked } = fakeOnnxRuntime(models);
  const { name, space, recipe, embeddingSize } = net;
  const info: OnnxExpertInfo = { name, space, recipe, embeddingSize };
  const expert = await createOnnxExpert({ ...files, info, ort, threads: 2, executionProviders: ['cpu'] });
  expect(asked.settings[0]).toMatchObject({ executionProviders: ['cpu'], intraOpNumThreads: 2, interOpNumThreads: 1 });
  await expect(createOnnxExpert({ visual: files.visual, audio: new Uint8Array(1), info, ort })).rejects.toThrow(
    'not a model',
  );
  expect(asked.released).toBe(1);
  await expect(createOnnxExpert({ ...files, info, ort, threads: 0 })).rejects.toThrow(
    'createOnnxExpert: threads must be a whole number above 0, got 0',
  );
  expert.dispose();
});

test('readOnnxExpert refuses files that do not belong together, or lack a part', async () => {
  const { ort } = fakeOnnxRuntime(models);
  const other = new DinetSyncNet({ seed: 1, channels: 4, recipe: dinetRecipe(64) });
  const audio = Buffer.concat((await exportOnnx(other)).audio);
  other.dispose();
  await expect(readOnnxExpert({ ...files, audio }, { ort })).rejects.toThrow(
    'readOnnxExpert: files must be parts of one export, got DINet',
  );
  await expect(readOnnxExpert({ ...files, audio: files.visual }, { ort })).rejects.toThrow(
    'readOnnxExpert: audio must be the expert’s audio file, got bytes, its visual file',
  );
  await expect(readOnnxExpert({ visual: files.visual, audio: files.audio }, { ort })).rejects.toThrow(
    'readOnnxExpert: pair must be given for DINet, which scores pairs, got none',
  );
});
