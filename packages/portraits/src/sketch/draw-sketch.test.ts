import { expect, test } from 'vitest';
import { sketchPoints } from '../testing/sketch-points';
import { drawSketch, inView, sketchView } from './draw-sketch';
import { buildSketchDatabase } from './sketch-database';

const database = buildSketchDatabase([sketchPoints('clip 70 0', 10, 70)]);
const view = sketchView(database);
const face = database.points.subarray(database.reference.frame * 140, (database.reference.frame + 1) * 140);

test('drawSketch draws black on white, through the points, the same each time', () => {
  const picture = drawSketch(face, { view, size: 128 });
  expect(picture.length).toBe(128 * 128 * 3);
  const black = picture.filter((value) => value === 0).length;
  expect(black + picture.filter((value) => value === 255).length).toBe(picture.length);
  const places = inView(face, view, 128);
  for (let i = 0; i < 70; i++) {
    const [x, y] = [Math.floor(places[2 * i]), Math.floor(places[2 * i + 1])];
    expect(picture[3 * (128 * y + x)]).toBe(0);
  }
  expect(picture).toEqual(drawSketch(face, { view, size: 128 }));
  const dark = (points: Float32Array) =>
    drawSketch(points, { view, thickness: 2 }).filter((value) => value === 0).length;
  expect(dark(face.subarray(0, 136))).toBeLessThan(dark(face)); // pupils
});

test('sketchView leaves room around the face', () => {
  const places = inView(face, view, 100);
  for (const value of places) {
    expect(value).toBeGreaterThan(14);
    expect(value).toBeLessThan(86);
  }
});

test.each<[string, () => unknown]>([
  ['points must be [68 or 70, 2], got 4 values', () => drawSketch([1, 2, 3, 4], { view })],
  ['options.size must be', () => drawSketch(face, { view, size: 0 })],
  ['options.thickness must be', () => drawSketch(face, { view, thickness: 1 })],
  [
    'points[0] must be finite',
    () =>
      drawSketch(
        face.map(() => Number.NaN),
        { view },
      ),
  ],
])('drawSketch refuses: %s', (message, run) => {
  expect(run).toThrow(`drawSketch: ${message}`);
});
