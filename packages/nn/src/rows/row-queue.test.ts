import { expect, test } from 'vitest';
import { RowQueue } from './row-queue';

test('RowQueue addresses rows by their index in the whole sequence while old ones go', () => {
  const queue = new RowQueue(2, 2);
  queue.push(Float32Array.of(0, 0, 1, 1, 2, 2));
  queue.dropBefore(2);
  queue.push(Float32Array.of(3, 3));
  expect([queue.count, queue.held]).toEqual([4, 2]);
  expect([...queue.row(2), ...queue.row(3)]).toEqual([2, 2, 3, 3]);
});

test('RowQueue skips rows that were dropped before they arrived, and drops nothing twice', () => {
  const queue = new RowQueue(1);
  queue.push(Float32Array.of(7, 8));
  queue.dropBefore(4);
  queue.dropBefore(1);
  expect([queue.count, queue.held, queue.first]).toEqual([2, 0, 4]);
  queue.push(Float32Array.of(9, 10, 11));
  expect([queue.count, queue.held, ...queue.row(4)]).toEqual([5, 1, 11]);
});

test('RowQueue.rows gives what is held of a range', () => {
  const queue = new RowQueue(1, 1);
  queue.push(Float32Array.of(0, 1, 2, 3));
  queue.dropBefore(2);
  expect([[...queue.rows(0, 3)], [...queue.rows(3, 9)], [...queue.rows(7, 9)]]).toEqual([[2], [3], []]);
});
