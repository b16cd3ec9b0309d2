import * as tf from '@tensorflow/tfjs-core';
import '@tensorflow/tfjs-backend-cpu';
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname } from 'node:path';
import { afterEach, beforeAll, expect, test, vi } from 'vitest';
import { dequantizeWeights, readEmbeddingWeights, readLandmarkWeights, weightTensors } from './network-weights';

beforeAll(() => tf.setBackend('cpu'));
afterEach(() => vi.unstubAllGlobals());

const entry = (name: string, shape: number[], quantized: boolean) => ({
  name,
  shape,
  dtype: 'float32',
  ...(quantized ? { quantization: { dtype: 'uint8', scale: 0.5, min: -1 } } : {}),
});
const bytes = Uint8Array.of(0, 2, 4, ...new Uint8Array(Float32Array.of(1.5, -2).buffer));
const stored = { bytes, manifest: [{ weights: [entry('a', [3], true), entry('b/c', [2, 1], false)] }] };

test('dequantizeWeights widens bytes by scale and minimum and copies floats', () => {
  const weights = dequantizeWeights(stored);
  expect([...weights.keys()]).toEqual(['a', 'b/c']);
  expect(weights.get('a')).toEqual({ shape: [3], data: Float32Array.of(-1, 0, 1) });
  expect(weights.get('b/c')).toEqual({ shape: [2, 1], data: Float32Array.of(1.5, -2) });
});

test('dequantizeWeights refuses bytes that do not fit and a manifest of another form', () => {
  expect(() => dequantizeWeights({ ...stored, bytes: bytes.subarray(1) })).toThrow(
    'dequantizeWeights: stored.bytes must be 11 bytes long, as the manifest says, got 10',
  );
  expect(() => dequantizeWeights({ ...stored, manifest: {} })).toThrow('stored.manifest must be a list of groups');
});

test('dequantizeWeights widens half floats and refuses other types by name', () => {
  const half = { name: 'h', shape: [2], dtype: 'float32', quantization: { dtype: 'float16' } };
  const halves = new Uint8Array(Uint16Array.of(0x3c00, 0xc100).buffer);
  const manifest = [{ weights: [half] }];
  expect(dequantizeWeights({ bytes: halves, manifest }).get('h')!.data).toEqual(Float32Array.of(1, -2.5));
  const of = (dtype: string) => () =>
    dequantizeWeights({ bytes: new Uint8Array(8), manifest: [{ weights: [{ name: 'h', shape: [2], dtype }] }] });
  expect(of('complex64')).toThrow('dequantizeWeights: type of h must be uint8, float16, float32, int32, got complex64');
  expect(of('int32')).toThrow('dequantizeWeights: type of h must be uint8, float16 or float32, got int32');
});

test('weightTensors lists everything that does not fit in one error', () => {
  const shapes = new Map([
    ['a', [4]],
    ['d', [1]],
  ]);
  expect(() => weightTensors('Net', stored, shapes)).toThrow(
    'Net: weights must be those of this network, got missing: d; unused: b/c; misshapen: a [3] for [4]',
  );
});

test('weightTensors makes tensors that outlive a tidy and belong to the caller', () => {
  const before = tf.memory().numTensors;
  const shapes = new Map([
    ['a', [3]],
    ['b/c', [2, 1]],
  ]);
  let weights = new Map<string, tf.Tensor>();
  tf.tidy(() => void (weights = weightTensors('Net', stored, shapes)));
  expect(tf.memory().numTensors).toBe(before + 2);
  expect([...weights.get('a')!.dataSync()]).toEqual([-1, 0, 1]);
  tf.dispose([...weights.values()]);
});

test('readLandmarkWeights finds both networks in the npm package', async () => {
  const { detector, landmarks } = await readLandmarkWeights();
  expect([detector.bytes.length, landmarks.bytes.length]).toEqual([193321, 356840]);
});

test('readLandmarkWeights reads the same from a URL', async () => {
  const folder = `${dirname(createRequire(import.meta.url).resolve('@vladmandic/face-api/package.json'))}/model/`;
  const fetched: string[] = [];
  vi.stubGlobal('fetch', async (url: URL) => {
    fetched.push(url.href);
    return new Response(new Uint8Array(await readFile(folder + url.pathname.split('/').pop())));
  });
  const weights = await readLandmarkWeights(new URL('https://example.org/models/'));
  const own = await readLandmarkWeights();
  for (const network of ['detector', 'landmarks'] as const) {
    expect(weights[network].manifest).toEqual(own[network].manifest);
    expect(Buffer.compare(weights[network].bytes, own[network].bytes)).toBe(0);
  }
  expect(fetched[0]).toBe('https://example.org/models/tiny_face_detector_model-weights_manifest.json');
});

test('readLandmarkWeights says which URL could not be read', async () => {
  vi.stubGlobal('fetch', async () => {
    throw new TypeError('fetch failed');
  });
  await expect(readLandmarkWeights(new URL('https://example.org/models/'))).rejects.toThrow(
    'readLandmarkWeights: weights must be a URL that can be read, got fetch failed for https://example.org/models/tiny_face',
  );
  vi.stubGlobal('fetch', async () => new Response('', { status: 404 }));
  await expect(readLandmarkWeights(new URL('https://example.org/models/'))).rejects.toThrow(
    'readLandmarkWeights: weights must be a URL that can be read, got 404 for https://example.org/models/tiny_face',
  );
});

test('readEmbeddingWeights finds the network in the npm package, and says which URL could not be read', async () => {
  expect((await readEmbeddingWeights()).bytes.length).toBe(6444032);
  vi.stubGlobal('fetch', async () => new Response('', { status: 404 }));
  await expect(readEmbeddingWeights(new URL('https://example.org/models/'))).rejects.toThrow(
    'readEmbeddingWeights: weights must be a URL that can be read, got 404 for https://example.org/models/face_recognition_model',
  );
});
