import { expect, test } from 'vitest';
import { FACE_PARTS } from '../edge-map/face-lines';
import { madeFaces } from '../testing/made-faces';
import { numbers, readFixture, relativeDifference } from '../testing/torch-numbers';
import { facesFromMouth } from './faces-from-mouth';

type Amplify = [number, number, number];
type Case = { sigma: number; amplify: Amplify; eyes: boolean; outer: 'frame' | 'all frames'; values: number[] };

const mean = numbers('mean face', [73, 3], -8, 8);
// lips that cross, unless the displacements part them
for (const [lower, upper] of [
  [58, 63],
  [59, 62],
  [60, 61],
])
  mean[3 * lower + 1] = mean[3 * upper + 1] + 0.5;
const displacements = { data: numbers('displacements', [9, 25, 3]), frameCount: 9 };

test.each(readFixture<{ faces: Case[] }>('geometry').faces)(
  'facesFromMouth with sigma $sigma, amplified by $amplify, makes the faces that NumPy and SciPy make',
  ({ sigma, amplify, eyes, outer, values }) => {
    const own = facesFromMouth(displacements, {
      ...{ mean, sigma, amplify, outer },
      eyes: eyes ? madeFaces('eyes', 4, -8, 8) : undefined,
    });
    const shown = [0, 4, 8].flatMap((frame) =>
      [...FACE_PARTS.mouth, ...FACE_PARTS.eyes].flatMap((point) =>
        Array.from(own.subarray(frame * 219 + 3 * point, frame * 219 + 3 * point + 3)),
      ),
    );
    expect(relativeDifference(shown, values)).toBeLessThan(1e-6); // sums in float32
  },
);

test('facesFromMouth leaves the jaw to the mean face, as the published demo does', () => {
  const own = facesFromMouth(displacements, { mean });
  for (let point = 0; point < 46; point++) expect(own[3 * point]).toBe(mean[3 * point]);
});

test.each<[string, () => unknown]>([
  ['displacements must be [3, 25, 3]', () => facesFromMouth({ data: new Float32Array(162), frameCount: 3 }, { mean })],
  ['options.mean must be [73, 3], 219 values, got 3', () => facesFromMouth(displacements, { mean: [1, 2, 3] })],
  [
    'options.eyes must be [frames, 73, 3]',
    () => facesFromMouth(displacements, { mean, eyes: { data: new Float32Array(9), frameCount: 1 } }),
  ],
])('facesFromMouth: %s', (message, run) => {
  expect(run).toThrow(`facesFromMouth: ${message}`);
});
