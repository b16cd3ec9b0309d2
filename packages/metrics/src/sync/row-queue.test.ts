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

test('RowQueue drops no more than it has, and nothing twice', () => {
  const queue = new RowQueue(1);
  queue.push(Float32Array.of(7, 8));
  queue.dropBefore(9);
  queue.dropBefore(1);
  expect([queue.count, queue.held]).toEqual([2, 0]);
  queue.push(Float32Array.of(9));
  expect([...queue.row(2)]).toEqual([9]);
});
