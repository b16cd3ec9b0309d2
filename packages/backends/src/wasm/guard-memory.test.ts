import * as tf from '@tensorflow/tfjs-core';
import { beforeEach, expect, test } from 'vitest';
import { startWasm, tensorCounts } from '../testing/wasm';
import { guardAllocations, guardKernel } from './guard-memory';
import type { WasmBackend } from './heap';

let backend: WasmBackend;
// A new backend for each test: one whose memory overflowed cannot be used any more.
beforeEach(async () => {
  const factory = tf.findBackendFactory('wasm');
  if (tf.engine().registry.wasm && factory) {
    tf.removeBackend('wasm');
    tf.registerBackend('wasm', factory, 2);
  }
  await startWasm();
  backend = tf.backend() as unknown as WasmBackend;
});

test('running out of memory is an error with the requested size', () => {
  const malloc = backend.wasm._malloc;
  backend.wasm._malloc = () => 0;
  try {
    expect(() => backend.makeOutput([256, 1024], 'float32')).toThrow(
      /wasm backend: out of memory, no room for a tensor of shape \[256, 1024\] \(1\.0 MiB\)/,
    );
  } finally {
    backend.wasm._malloc = malloc;
  }
});

test('a block that reaches beyond the end of the heap is no room, and ends the backend: malloc has written there', () => {
  const freed: number[] = [];
  const wasm = { HEAPU8: new Uint8Array(4096), _malloc: () => 4000, _free: (address: number) => freed.push(address) };
  const fake = { wasm, dataIdMap: new Map(), dataIdNextNumber: 1, move: () => undefined } as unknown as WasmBackend;
  guardAllocations(fake);
  expect(() => fake.move({}, null, [256], 'float32', 1)).toThrow('no room for a tensor of shape [256]');
  expect(freed).toEqual([]);
  const other = guardKernel('Other', () => [], { packs: false });
  expect(() => other({ inputs: {}, backend: fake as never, attrs: {} })).toThrow(
    'wasm backend: malloc gave 0.0 MiB beyond the end of the heap, probably out of memory',
  );
});

test('tensors keep their values under the guard, and an empty tensor is no error', () => {
  guardAllocations(backend); // a second time changes nothing
  expect([...tf.tidy(() => tf.tensor1d([1, 2, 3], 'int32').dataSync())]).toEqual([1, 2, 3]);
  expect([...tf.tidy(() => tf.tensor(new Float32Array(0), [0, 3]).dataSync())]).toEqual([]);
  expect(tf.tidy(() => tf.tensor1d(['a', 'b']).dataSync())).toEqual(['a', 'b']);
});

/** Runs `act` while at most `left` MiB of the heap are free; the blocks are never touched, so they cost no memory. */
function withFullHeap(left: number, act: () => void): void {
  const held: number[] = [];
  const take = (bytes: number) => {
    const address = backend.wasm._malloc(bytes);
    if (address !== 0) held.push(address);
    return address !== 0;
  };
  try {
    while (take(64 * 2 ** 20));
    while (take(2 ** 20));
    for (let freed = 0; freed < left; freed++) backend.wasm._free(held.pop()!);
    act();
  } finally {
    for (const address of held) backend.wasm._free(address);
  }
}

const FULL = /wasm backend: out of memory, no room for .* MiB\) beside \d+ MiB of heap .* use a smaller batch/;
const OVERFLOWN =
  /wasm backend: malloc gave .* MiB beyond the end of the heap, probably out of memory .* start a new process/;

test.each([0, 1, 2, 3, 5, 8, 12, 20, 40, 80])(
  'with %d MiB left every kernel computes the right values or says what it had no room for',
  (left) => {
    // The accelerator's own copies are not on this heap, so that all of these may have room.
    const x = tf.fill([1, 8, 8, 512], 0.5) as tf.Tensor4D;
    const filter = () => tf.fill([3, 3, 512, 512], 2 ** -10) as tf.Tensor4D; // 9 MiB
    const matrix = tf.fill([1, 1024, 2048], 2 ** -10) as tf.Tensor3D; // 8 MiB
    const row = tf.fill([1, 1, 1024], 1) as tf.Tensor3D;
    const depth = tf.fill([3, 3, 512, 1], 0.125) as tf.Tensor4D;
    const filters = [filter(), filter()];
    const bias = tf.fill([512], 1);
    const large = tf.fill([1024, 1024], -2);
    const cases: [name: string, value: number, run: () => tf.Tensor][] = [
      ['conv2d', 2.25, () => tf.conv2d(x, filters[0], 1, 'valid')],
      [
        'fused.conv2d',
        3.25,
        () => tf.fused.conv2d({ x, filter: filters[1], strides: 1, pad: 'valid', bias, activation: 'relu' }),
      ],
      ['depthwiseConv2d', 0.5625, () => tf.depthwiseConv2d(x, depth, 1, 'valid')],
      ['matMul', 1, () => tf.matMul(row, matrix)],
      ['add', -1, () => tf.add(large, 1)],
      ['sigmoid', 0.1192029, () => tf.sigmoid(large)],
      ['relu6', 0, () => tf.relu6(large)],
      ['softmax', 1 / 1024, () => tf.softmax(large)],
      ['maxPool', 0.5, () => tf.maxPool(x, 2, 2, 'valid')],
      [
        'pad',
        0,
        () =>
          tf.pad(large, [
            [1, 1],
            [1, 1],
          ]),
      ],
      ['resizeBilinear', 0.5, () => tf.image.resizeBilinear(x, [16, 16])],
      ['transpose', -2, () => tf.transpose(large)],
      ['sum', -2048, () => tf.sum(large, 0)],
    ];
    const before = tensorCounts();
    const outcomes: string[] = [];
    withFullHeap(left, () => {
      for (const [name, value, run] of cases) {
        let y: tf.Tensor | undefined;
        try {
          y = run();
        } catch (error) {
          expect(FULL.test(String(error)) || OVERFLOWN.test(String(error)), `${name}: ${error}`).toBe(true);
          outcomes.push('refused');
          continue;
        }
        const values = y.dataSync();
        expect(values[0], name).toBeCloseTo(value, 6); // measured 1.9e-8, by a sigmoid given with 7 digits
        expect(values.at(-1), name).toBeCloseTo(value, 5);
        outcomes.push('right');
        y.dispose();
      }
    });
    if (left === 0) expect(outcomes).toContain('refused');
    if (left === 80) expect(outcomes).not.toContain('refused');
    expect(tensorCounts()).toEqual(before);
    // Afterwards the backend works, or says that it does not.
    for (const [name, value, run] of cases) {
      try {
        const y = tf.tidy(run);
        expect(y.dataSync()[0], name).toBeCloseTo(value, 5);
        y.dispose();
      } catch (error) {
        expect(String(error), name).toMatch(OVERFLOWN);
      }
    }
    tf.dispose([x, matrix, row, depth, ...filters, bias, large]);
  },
);

test('a kernel that leaves its output as it was is an error with the shapes, and its allocations are freed', () => {
  const x = tf.zeros([2, 3]);
  const before = tensorCounts();
  const lazy = guardKernel('Lazy', ({ inputs }) => backend.makeOutput(inputs.x!.shape, 'float32'), { packs: false });
  expect(() => lazy({ inputs: { x }, backend: backend as never, attrs: {} })).toThrow(
    /no room for kernel Lazy of \[2, 3\] \(0\.0 MiB\)/,
  );
  expect(tensorCounts()).toEqual(before);
  x.dispose();
});

test('a filter that fits but for its alignment is refused before it is packed', () => {
  const x = tf.fill([1, 8, 8, 512], 0.5) as tf.Tensor4D;
  const filter = tf.fill([3, 3, 512, 512], 2 ** -10) as tf.Tensor4D;
  const { wasm } = backend;
  const bytes = 9 * 512 * 512 * 4;
  // Room for twice the filter and the reserve, to the byte, in three pieces.
  const holes = [bytes, bytes, 3 * 2 ** 20].map((size) => [wasm._malloc(size), wasm._malloc(64)]);
  withFullHeap(0, () => {
    for (const [hole] of holes) wasm._free(hole);
    expect(() => tf.conv2d(x, filter, 1, 'valid')).toThrow(FULL);
  });
  for (const [, between] of holes) wasm._free(between);
  tf.dispose([x, filter]);
});

test('after an abort every kernel says that the memory cannot be trusted', () => {
  const fake = { wasm: { HEAPU8: new Uint8Array(16) }, move: () => undefined } as unknown as WasmBackend;
  guardAllocations(fake);
  const aborting = guardKernel(
    'Aborting',
    () => {
      throw new WebAssembly.RuntimeError('Aborted()');
    },
    { packs: false },
  );
  const other = guardKernel('Other', () => [], { packs: false });
  const call = (kernel: typeof other) => kernel({ inputs: {}, backend: fake as never, attrs: {} });
  expect(call(other)).toEqual([]);
  expect(() => call(aborting)).toThrow(
    /kernel Aborting .*, which works on 0\.0 MiB, ended with "Aborted\(\)", probably out of memory/,
  );
  expect(() => call(other)).toThrow(/cannot be trusted any more; start a new process/);
});

test('other errors of a kernel pass unchanged', () => {
  const failing = guardKernel(
    'Failing',
    () => {
      throw new TypeError('Failing: x must be right, got wrong');
    },
    { packs: false },
  );
  expect(() => failing({ inputs: {}, backend: backend as never, attrs: {} })).toThrow(
    'Failing: x must be right, got wrong',
  );
});
