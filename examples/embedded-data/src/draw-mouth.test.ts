import { expect, test } from 'vitest';
import { articulation } from './articulation';
import { Canvas } from './canvas';
import { drawMouth } from './draw-mouth';
import { landmarks } from './face-geometry';
import { headMotion } from './head-motion';
import { person } from './person';

const who = person(1);
const pose = headMotion(who, 1)(0);
const rest = articulation(1, 1).at(0);

/** A mouth on white: where it is not white, and the colour between the lips. */
function paint(mouth: Partial<typeof rest>) {
  const state = { mouth: { ...rest, ...mouth }, pose };
  const canvas = new Canvas(256, 256);
  canvas.data.fill(255);
  drawMouth(canvas, who, state);
  const points = landmarks(who, state);
  const y = 0.35 * points[62 * 2 + 1] + 0.65 * points[66 * 2 + 1];
  const at = (Math.floor(y) * 256 + Math.floor(points[62 * 2])) * 3;
  let touched = 0;
  for (let pixel = 0; pixel < 256 * 256; pixel++) touched += canvas.data[pixel * 3 + 1] < 240 ? 1 : 0;
  return { touched, points, between: canvas.data[at + 1] };
}

test('an open mouth is larger and darker between the lips than its lips', () => {
  const open = paint({ open: 1 });
  const shut = paint({ open: 0.1, closure: 1 });
  expect(open.touched).toBeGreaterThan(1.5 * shut.touched);
  expect(open.between).toBeLessThan(90);
});

test('the paint covers about the outline of points 48-59', () => {
  const { touched, points } = paint({ open: 0.5 });
  let area = 0;
  for (let i = 48; i < 60; i++) {
    const next = i === 59 ? 48 : i + 1;
    area += (points[2 * i] * points[2 * next + 1] - points[2 * next] * points[2 * i + 1]) / 2;
  }
  expect(touched / area).toBeGreaterThan(0.95);
  expect(touched / area).toBeLessThan(1.35); // soft edges add half a pixel all round
});
