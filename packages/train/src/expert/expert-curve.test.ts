import { expect, test } from 'vitest';
import { type ExpertLogEntry, expertCurve } from './expert-curve';

const log: ExpertLogEntry[] = Array.from({ length: 250 }, (_, index) => ({
  step: index + 1,
  loss: 1 - index / 500,
  positiveCosine: 0.5 + index / 1000,
  negativeCosine: 0.5 - index / 1000,
  learningRate: 1e-3,
  samplesPerSec: 40,
  ...(index % 100 === 99 ? { validationAuc: 0.6 + index / 1000 } : {}),
}));

test('expertCurve draws one line a series: loss, two cosines and the AUC', () => {
  const svg = expertCurve(log, 'LITE <10 frames>');
  expect(svg.match(/<polyline/g)).toHaveLength(4);
  expect(svg).toContain('LITE &lt;10 frames&gt;');
  expect(svg).toContain('one window: 0.799'); // the last measured value, 0.6 + 199 / 1000
});

test('expertCurve averages a long log into at most 100 points a line', () => {
  const [first] = expertCurve(log, 't').match(/(?<=<polyline points=")[^"]*/) as string[];
  expect(first.split(' ').length).toBe(84); // 250 entries in bins of 3
});

test('expertCurve leaves the AUC out where none was measured, and refuses an empty log', () => {
  expect(expertCurve(log.slice(0, 50), 't').match(/<polyline/g)).toHaveLength(3);
  expect(() => expertCurve([], 't')).toThrow('expertCurve: log must have at least one entry');
});
