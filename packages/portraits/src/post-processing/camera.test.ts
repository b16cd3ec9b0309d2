import { expect, test } from 'vitest';
import { madeFaces } from '../testing/made-faces';
import { readFixture, relativeDifference } from '../testing/torch-numbers';
import { type Camera, projectFaces, rotationMatrix } from './camera';
import { projectShoulders } from './shoulders';

const fixture = readFixture<{
  rotations: { degrees: number[]; values: number[] }[];
  camera: Camera;
  scale: number;
  poses: number[];
  projected: number[];
  shoulders: number[];
  reference: [number, number, number];
  moved: number[];
}>('geometry');
const { camera, scale, reference } = fixture;
const poses = { data: Float32Array.from(fixture.poses), frameCount: 3 };

test.each(fixture.rotations)('rotationMatrix of $degrees is SciPy’s', ({ degrees, values }) => {
  rotationMatrix(degrees).forEach((value, i) => expect(value).toBeCloseTo(values[i], 12));
});

test('projectFaces sees the points where NumPy does', () => {
  const own = projectFaces(madeFaces('projected faces', 3, -8, 8), poses, { camera, scale });
  expect(relativeDifference(own, fixture.projected)).toBeLessThan(1e-6); // rounding of the inputs to float32
});

test('projectShoulders moves them half as far as the head, as NumPy does', () => {
  const own = projectShoulders(fixture.shoulders, poses, { camera, reference });
  expect(relativeDifference(own, fixture.moved)).toBeLessThan(1e-6);
});

test('a frontal head is upright in the image: what is up in the face is up in the image', () => {
  const face = new Float32Array(219);
  face.set([1, 2, 0], 0);
  const pose = { data: Float32Array.of(0, 0, 0, 0, 0, 100), frameCount: 1 };
  const [x, y] = projectFaces({ data: face, frameCount: 1 }, pose, { camera: { focal: 100, x: 0, y: 0 } });
  expect([x, y]).toEqual([1, -2]);
});

test.each<[string, () => unknown]>([
  [
    'projectFaces: poses must be [3, 6], got [2, 6]',
    () => projectFaces(madeFaces('a', 3), { data: new Float32Array(12), frameCount: 2 }, { camera }),
  ],
  [
    'projectFaces: poses must be in front of the camera, z above 0',
    () => projectFaces(madeFaces('a', 1), { data: new Float32Array(6), frameCount: 1 }, { camera }),
  ],
  [
    'projectShoulders: shoulders must be three values a point, got 4',
    () => projectShoulders([1, 2, 3, 4], poses, { camera, reference }),
  ],
  [
    'projectShoulders: poses must be [1, 6], got [1, 3]',
    () => projectShoulders([1, 2, 3], { data: new Float32Array(3), frameCount: 1 }, { camera, reference }),
  ],
])('%s', (message, run) => {
  expect(run).toThrow(message);
});
