import { type ByteSource, openByteSource } from '@lipsync/checkpoints';
import { WAV2LIP_RECIPE } from '@lipsync/syncnet';
import { expect, test } from 'vitest';
import { expertOfMetadata, readOnnxMetadata } from './onnx-metadata';
import { encodeOnnxModel } from './onnx-model';

const file = (metadata: Record<string, string>) =>
  Buffer.concat(
    encodeOnnxModel({
      name: '',
      nodes: [],
      initializers: [{ name: 'w', shape: [4096], data: new Float32Array(4096) }],
      inputs: [],
      outputs: [],
      metadata,
    }),
  );
const whole = {
  name: 'Wav2Lip',
  space: 'unit',
  part: 'visual',
  recipe: JSON.stringify(WAV2LIP_RECIPE),
  embeddingSize: '512',
};

test('readOnnxMetadata reads the metadata without the weights', async () => {
  const source = await openByteSource(file({ a: 'ä', b: '' }));
  let read = 0;
  const counting: ByteSource = {
    ...source,
    size: source.size,
    name: 'x',
    read: (offset, length) => {
      read += length;
      return source.read(offset, length);
    },
    close: async () => {},
  };
  expect(await readOnnxMetadata(counting)).toEqual({ a: 'ä', b: '' });
  expect(read).toBeLessThan(400);
});

test('readOnnxMetadata refuses other files', async () => {
  await expect(readOnnxMetadata(await openByteSource(Buffer.from('not a model')))).rejects.toThrow(
    'must be a protobuf message',
  );
});

test('expertOfMetadata gives the expert', () => {
  const hash = 'cd'.repeat(32);
  const { recipe: _, ...rest } = { ...whole, embeddingSize: 512, weightsHash: hash };
  expect(expertOfMetadata('f', 'x.onnx', { ...whole, weightsHash: hash })).toEqual({ ...rest, recipe: WAV2LIP_RECIPE });
  expect(expertOfMetadata('f', 'x.onnx', { ...whole, audioEmbeddingSize: '128' }).audioEmbeddingSize).toBe(128);
});

test.each([
  [{}, 'f: x.onnx must be an expert’s ONNX file, as exportOnnx writes them, got one with the metadata none'],
  [{ ...whole, space: 'round' }, 'f: x.onnx: space must be unit, euclidean or joint, got round'],
  [{ ...whole, part: 'nose' }, 'f: x.onnx: part must be visual, audio or pair, got nose'],
  [{ ...whole, embeddingSize: '1.5' }, 'f: x.onnx: embeddingSize must be a whole number above 0, got 1.5'],
  [{ ...whole, recipe: '{' }, 'f: x.onnx: recipe must be JSON, got {'],
  [{ ...whole, recipe: '{"frameCount":0}' }, 'f: recipe.frameCount must be a whole number above 0, got 0'],
])('expertOfMetadata refuses %j', (metadata, message) => {
  expect(() => expertOfMetadata('f', 'x.onnx', metadata as Record<string, string>)).toThrow(message);
});
