import { expect, test } from 'vitest';
import { binned, lineChart } from './line-chart';

test('lineChart draws a line a series and leaves out those without points', () => {
  const panels = [
    {
      label: 'loss',
      series: [
        {
          name: 'a',
          colour: 'red',
          points: [
            [1, 2],
            [2, 1],
          ] as [number, number][],
        },
        { name: 'b', colour: 'blue', points: [] },
      ],
    },
    { label: 'empty', series: [{ name: 'c', colour: 'green', points: [] }] },
  ];
  const frame = lineChart({ title: 'x < y', panels });
  expect(frame.match(/<polyline/g)).toHaveLength(1);
  expect(frame).toContain('x &lt; y');
  expect(frame).not.toContain('empty');
});

test('binned takes means of stretches and leaves out what is not finite', () => {
  const log = Array.from({ length: 200 }, (_, index) => ({
    step: index + 1,
    loss: index % 2 === 0 ? Number.NaN : index,
  }));
  const points = binned(log, ({ loss }) => loss);
  expect(points).toHaveLength(100);
  expect(points[0]).toEqual([2, 1]);
});
