import { Worker } from 'node:worker_threads';
import { describe, expect, test } from 'vitest';
import { moduleFile } from './module-file';
import { openAccelerator } from './open-accelerator';

const opened = openAccelerator({ threads: 2 });
const where = opened.kernels ? '' : ` (skipped: ${opened.reason})`;

describe.skipIf(!opened.kernels)(`native kernels${where}`, () => {
  const kernels = opened.kernels!;
  /** A heap with `numbers` from byte 64 on, and room behind them. */
  const heapOf = (numbers: number[], room = 64) =>
    Float32Array.from([...new Array<number>(16).fill(0), ...numbers, ...new Array<number>(room).fill(NaN)]);
  const at = (index: number) => 64 + 4 * index;
  const results = (heap: Float32Array, index: number, count: number) =>
    Array.from(heap.subarray(16 + index, 16 + index + count));

  test('version and number of threads are returned', () => {
    expect(kernels.version()).toMatch(/^\d+\.\d+\.\d+$/);
    expect(kernels.threads(3)).toBe(3);
    expect(kernels.threads(2)).toBe(2);
    expect(kernels.threads(0)).toBe(2);
  });

  test('matMul multiplies with either side transposed, and one right side for a batch', () => {
    const heap = heapOf([1, 2, 3, 4, 5, 6, /* b */ 1, 0, 2, -1, 3, 1]);
    kernels.matMul(heap, 1, 1, 2, 3, 2, 0, 0, at(0), at(6), at(12));
    expect(results(heap, 12, 4)).toEqual([14, 1, 32, 1]);
    kernels.matMul(heap, 1, 1, 3, 2, 3, 1, 0, at(0), at(6), at(12)); // aᵀ of [2, 3], b as [2, 3]
    expect(results(heap, 12, 9)).toEqual([-3, 12, 6, -3, 15, 9, -3, 18, 12]);
    kernels.matMul(heap, 2, 1, 1, 3, 2, 0, 1, at(0), at(6), at(12)); // two rows, bᵀ of [2, 3]
    expect(results(heap, 12, 4)).toEqual([7, 8, 16, 17]);
  });

  test('convolution adds its bias, and its gradients are adjoint to it', () => {
    // One frame of 3 x 3, a filter of 2 x 2, one channel: written out by hand.
    const heap = heapOf([1, 2, 3, 4, 5, 6, 7, 8, 9, /* filter */ 1, 0, 0, -1, /* bias */ 10]);
    const sizes = [1, 3, 3, 1, 2, 2, 1, 2, 2, 1, 1, 0, 0, 0, 0] as const;
    kernels.convolution(0, heap, ...sizes, at(0), at(9), at(20), at(13));
    expect(results(heap, 20, 4)).toEqual([6, 6, 6, 6]);
    kernels.convolution(1, heap, ...sizes, at(30), at(9), at(20), 0);
    expect(results(heap, 30, 9)).toEqual([6, 6, 0, 6, 0, -6, 0, -6, -6]);
    kernels.convolution(2, heap, ...sizes, at(0), at(40), at(20), 0);
    expect(results(heap, 40, 4)).toEqual([72, 96, 144, 168]);
  });

  test.each([
    [
      'an address beyond the heap',
      () => kernels.add(heapOf([1]), 100, 64, 64, 64),
      /add: argument 2 must be the address of 100 floats in the heap of 324 bytes, got 64/,
    ],
    ['an address that is none', () => kernels.add(heapOf([1]), 1, 65, 64, 64), /add: argument 2 must be the address/],
    [
      'a heap of another kind',
      () => kernels.add(new Float64Array(8) as never, 1, 64, 64, 64),
      /add: argument 0 must be the heap, a Float32Array/,
    ],
    [
      'a size that is none',
      () => kernels.add(heapOf([1]), -1, 64, 64, 64),
      /add: argument 1 must be a whole number from 0, got -1/,
    ],
    [
      'a missing argument',
      () => (kernels.add as (...args: unknown[]) => void)(heapOf([1]), 1),
      /add: argument 2 must be a number/,
    ],
    [
      'groups that do not divide',
      () => kernels.groupNorm(heapOf([1, 2, 3]), 1, 1, 3, 2, 0, 0, 64, 64, 64, 64, 64),
      /groups must divide the channels/,
    ],
    [
      'a direction that is none',
      () => kernels.convolution(3 as 0, heapOf([1]), 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 64, 64, 64, 0),
      /direction must be 0, 1 or 2/,
    ],
    [
      'a frame smaller than its filter',
      () => kernels.convolution(0, heapOf([1, 2, 3, 4]), 1, 1, 1, 1, 1, 1, 1, 2, 2, 1, 1, 0, 0, 0, 0, 64, 64, 64, 0),
      /./,
    ],
  ] as [string, () => void, RegExp][])('%s is an error, not a fault', (_, call, message) => {
    expect(call).toThrow(message);
  });

  test('the same call gives the same bits, on two threads too, and in worker threads at once', async () => {
    const source = `
      const { parentPort, workerData } = require('node:worker_threads');
      const kernels = require(workerData);
      kernels.threads(2);
      const heap = new Float32Array(1 << 20);
      for (let i = 16; i < heap.length; i++) heap[i] = Math.fround(Math.sin(i * 12.9898) * 0.5);
      const digests = new Set();
      for (let round = 0; round < 8; round++) {
        for (const channels of [8, 16, 24]) {
          const sizes = [4, 20, 20, channels, 20, 20, channels, 3, 3, 1, 1, 1, 1, 1, 1];
          kernels.convolution(0, heap, ...sizes, 64, 1 << 20, 2 << 20, 0);
          kernels.convolution(2, heap, ...sizes, 64, 3 << 20, 2 << 20, 0);
          kernels.columnSums(heap, 1600, channels, 2 << 20, 3.5 * (1 << 20));
        }
        let hash = 0;
        const bits = new Int32Array(heap.buffer, 2 << 20);
        for (const value of bits) hash = (Math.imul(hash, 31) + value) | 0;
        digests.add(hash);
      }
      parentPort.postMessage([...digests]);
    `;
    const digests = await Promise.all(
      [0, 1, 2].map(
        () =>
          new Promise<number[]>((resolve, reject) => {
            const worker = new Worker(source, { eval: true, workerData: moduleFile() });
            worker.once('message', resolve);
            worker.once('error', reject);
          }),
      ),
    );
    expect(digests[0]).toHaveLength(1);
    expect(digests[1]).toEqual(digests[0]);
    expect(digests[2]).toEqual(digests[0]);
  });
});
