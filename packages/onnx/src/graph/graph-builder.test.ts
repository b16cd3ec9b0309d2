import { expect, test } from 'vitest';
import { GraphBuilder, permuted, toFirst, toLast } from './graph-builder';

const BATCH = 1009;
const numbers = (length: number) => Float32Array.from({ length }, (_, i) => i);

test('toFirst and toLast are each other’s reverse', () => {
  expect([toFirst(4), toLast(4), toFirst(3), toLast(3)]).toEqual([
    [0, 3, 1, 2],
    [0, 2, 3, 1],
    [0, 2, 1],
    [0, 2, 1],
  ]);
});

test('permuted copies into another order of axes, as numpy.transpose', () => {
  // numpy 1.24: np.arange(12).reshape(2, 3, 2).transpose(2, 0, 1).ravel()
  expect([...permuted(numbers(12), [2, 3, 2], [2, 0, 1])]).toEqual([0, 2, 4, 6, 8, 10, 1, 3, 5, 7, 9, 11]);
  expect([...permuted(numbers(3), [3], [0])]).toEqual([0, 1, 2]);
  expect([...permuted(numbers(1), [], [])]).toEqual([0]);
  const back = permuted(permuted(numbers(120), [2, 3, 4, 5], [3, 2, 0, 1]), [5, 4, 2, 3], [2, 3, 1, 0]);
  expect(back).toEqual(numbers(120));
});

test('GraphBuilder transposes a value once for any number of users', () => {
  const graph = new GraphBuilder(BATCH, new Map());
  graph.place(0, [BATCH, 4, 5, 3], { last: 'x' });
  expect(graph.first(0)).toBe(graph.first(0));
  expect(graph.last(0)).toBe('x');
  expect(graph.nodes).toEqual([
    { operator: 'Transpose', inputs: ['x'], outputs: ['Transpose'], attributes: { perm: [0n, 3n, 1n, 2n] } },
  ]);
});

test('GraphBuilder reshapes where the layout in memory stays', () => {
  const graph = new GraphBuilder(BATCH, new Map());
  graph.place(0, [BATCH, 80, 16, 1], { last: 'mel' });
  graph.place(1, [BATCH, 1, 1, 256], { first: 'end' });
  graph.first(0);
  graph.last(1);
  expect(graph.nodes.map(({ operator }) => operator)).toEqual(['Reshape', 'Reshape']);
  expect(graph.initializers.map(({ data }) => Array.from(data, Number))).toEqual([
    [-1, 1, 80, 16],
    [-1, 1, 1, 256],
  ]);
});

test('GraphBuilder names each thing once, and shares tables and constants', () => {
  const constant = { shape: [2], data: Float32Array.of(1, 2) };
  const graph = new GraphBuilder(BATCH, new Map([[7, constant]]), () => 'norm.weight');
  expect([graph.name('a'), graph.name('a')]).toEqual(['a', 'a_1']);
  expect(graph.table([1, 2])).toBe(graph.table([1, 2]));
  expect(graph.last(7)).toBe('norm.weight');
  expect(graph.last(7)).toBe('norm.weight');
  expect(graph.constantFirst(7, 4)).toBe('norm.weight_1');
  expect(graph.initializers.at(-1)).toMatchObject({ shape: [2, 1, 1], data: constant.data });
});

test('GraphBuilder writes multiples of the batch as -1, and refuses two of them', () => {
  const graph = new GraphBuilder(BATCH, new Map());
  expect(graph.sides([8 * BATCH, 4, 16])).toEqual([-1, 4, 16]);
  expect(() => graph.sides([BATCH, BATCH])).toThrow(
    'exportOnnx: the network must be one whose shapes hold the batch once, got [1009, 1009]',
  );
});
