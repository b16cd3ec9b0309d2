import { expect, test } from 'vitest';
import { lineChart, tickStep } from './chart';

const points = [
  [0, 1],
  [5, 3],
  [10, 2],
] as const;
const made = (more: Partial<Parameters<typeof lineChart>[0]> = {}) =>
  lineChart({
    title: 'a < b',
    x: { label: 'x' },
    y: { label: 'y' },
    lines: [{ name: 'one', tone: 'blue', points }],
    ...more,
  });

test.each([
  [0.3, 0.5],
  [1, 1],
  [1.01, 2],
  [4, 5],
  [60, 100],
  [0.0012, 0.002],
])('tickStep(%d) is %d', (least, step) => {
  expect(tickStep(least)).toBeCloseTo(step, 12);
});

test('lineChart draws points between its axes, ticks at round numbers, and escapes text', () => {
  const svg = made();
  expect(svg).toContain('<h3>a &lt; b</h3>');
  expect(svg).toContain('<polyline points="46,182 247,20 448,101"'); // 460 x 220 less the edges
  expect([...svg.matchAll(/y="199" text-anchor="(?:middle|end)">([^<]+)</g)].map(([, text]) => text)).toEqual([
    '0',
    '2',
    '4',
    '6',
    '8',
    '10',
  ]);
  expect([...svg.matchAll(/dy="4" text-anchor="end">([\d.]+)</g)].map(([, text]) => text)).toEqual([
    '1.0',
    '1.5',
    '2.0',
    '2.5',
    '3.0',
  ]);
});

test('a value that is not finite breaks the line; limits, marks and names are drawn', () => {
  const lines = [
    {
      name: 'one',
      tone: 'blue' as const,
      points: [
        [0, 0],
        [1, 1],
        [2, Number.NaN],
        [3, 1],
        [4, 0],
      ] as [number, number][],
    },
    { name: 'two', tone: 'red' as const, points: [[2, 0.5]] as [number, number][], dots: true },
  ];
  const svg = made({ lines, x: { label: 'x', low: 0, high: 4 }, marks: [{ x: 3, label: 'here', tone: 'red' }] });
  expect([...svg.matchAll(/<polyline points="([^"]+)"/g)].map(([, path]) => path.split(' ').length)).toEqual([2, 2]);
  expect(svg.match(/<circle/g)).toHaveLength(1);
  expect(svg).toMatch(/>one<\/span>.*>two<\/span>/);
  expect(svg).toContain('x1="347.5" x2="347.5"'); // 46 + 3 / 4 * 402
});

test('learning rates have ticks that can be read, and a tick at the right edge stays in the picture', () => {
  const rates = [
    [0, 0],
    [10, 0.0015],
  ] as [number, number][];
  const svg = made({ lines: [{ name: 'rate', tone: 'blue', points: rates }] });
  expect([...svg.matchAll(/dy="4" text-anchor="end">([^<]+)</g)].map(([, text]) => text)).toEqual([
    '0',
    '5.0e-4',
    '1.0e-3',
    '1.5e-3',
  ]);
  expect(svg).toContain('text-anchor="end">10<');
});

test('an empty chart, and one value, are no reason to fail', () => {
  expect(made({ lines: [{ name: 'none', tone: 'blue', points: [] }] })).not.toMatch(/NaN|Infinity/);
  expect(made({ lines: [{ name: 'one', tone: 'blue', points: [[1, 1]], dots: true }] })).not.toMatch(/NaN|Infinity/);
});
