import { readFileSync } from 'node:fs';
import { type ByteSource, openByteSource } from '@lipsync/checkpoints';
import { expect, test } from 'vitest';
import { encodeOnnxModel, type OnnxModel } from './onnx-model';
import { protobufFields } from './protobuf';

type Fixture = { made: string; model: string; half: string };
const fixture = JSON.parse(readFileSync(new URL('../../fixtures/model.json', import.meta.url), 'utf8')) as Fixture;

/** The model of reference/onnx-model.py. */
const model: OnnxModel = {
  name: 'a graph',
  nodes: [
    {
      operator: 'Conv',
      inputs: ['x', 'w', 'b'],
      outputs: ['y'],
      attributes: { pads: [0n, 1n, 0n, 1n], strides: [1n, 2n] },
    },
    { operator: 'LeakyRelu', inputs: ['y'], outputs: ['z'], attributes: { alpha: 0.25 } },
    { operator: 'Reshape', inputs: ['z', 'sides'], outputs: ['out'], attributes: { allowzero: 0n } },
  ],
  initializers: [
    { name: 'w', shape: [128, 1, 3, 3], data: Float32Array.from({ length: 1152 }, (_, i) => i / 256 - 2) },
    { name: 'b', shape: [128], data: Float32Array.from({ length: 128 }, (_, i) => -i) },
    { name: 'sides', shape: [2], data: BigInt64Array.of(-1n, 640n) },
  ],
  inputs: [{ name: 'x', shape: ['batch', 1, 3, 9] }],
  outputs: [{ name: 'out', shape: ['batch', 640] }],
  metadata: { recipe: '{"fps": 25}', name: 'ä' },
};

/** Which fields of a message hold messages, by ONNX's schema. */
const MESSAGES: Record<string, Record<number, string>> = {
  model: { 7: 'graph', 8: 'opset', 14: 'property' },
  graph: { 1: 'node', 5: 'tensor', 11: 'value', 12: 'value' },
  node: { 5: 'attribute' },
  value: { 2: 'type' },
  type: { 1: 'tensor type' },
  'tensor type': { 2: 'shape' },
  shape: { 1: 'dimension' },
};

/** A message as text, its fields in order of their numbers: protobuf leaves their order in the file free. */
async function shown(source: ByteSource, kind: string, offset = 0, length = source.size): Promise<string[]> {
  const lines: [number, string][] = [];
  for await (const { field, wire, value, ...range } of protobufFields(source, offset, length)) {
    const inner = MESSAGES[kind]?.[field];
    if (inner) lines.push([field, `${field} {${(await shown(source, inner, range.offset, range.length)).join(' ')}}`]);
    else
      lines.push([
        field,
        `${field} ${wire === 'varint' ? value : Buffer.from(await source.read(range.offset, range.length)).toString('hex')}`,
      ]);
  }
  return lines.sort(([a], [b]) => a - b).map(([, text]) => text);
}

test.each([
  ['float32', false],
  ['float16', true],
] as const)(
  'encodeOnnxModel writes the fields that the onnx package of Python writes, with %s weights',
  async (_, float16) => {
    const ours = await openByteSource(Buffer.concat(encodeOnnxModel(model, { float16 })));
    const theirs = await openByteSource(Buffer.from(float16 ? fixture.half : fixture.model, 'base64'));
    expect(await shown(ours, 'model')).toEqual(await shown(theirs, 'model'));
    expect(ours.size).toBe(theirs.size);
  },
);

test('encodeOnnxModel copies no weights, and writes the metadata before them', () => {
  const pieces = encodeOnnxModel(model);
  const { buffer } = model.initializers[0].data;
  const place = pieces.findIndex((piece) => piece.buffer === buffer);
  expect(place).toBeGreaterThan(pieces.findIndex((piece) => Buffer.from(piece).toString() === 'recipe'));
});

test('encodeOnnxModel refuses more than 2 GiB', () => {
  // Four initializers over the same 512 MB, which are never touched.
  const data = new Float32Array(2 ** 27);
  const initializers = ['a', 'b', 'c', 'd'].map((name) => ({ name, shape: [2 ** 27], data }));
  expect(() => encodeOnnxModel({ ...model, initializers })).toThrow(
    'encodeOnnxModel: the model must be of at most 2 GiB (float16 halves it), got 2147',
  );
});
