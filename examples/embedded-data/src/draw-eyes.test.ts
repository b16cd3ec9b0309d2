import { expect, test } from 'vitest';
import { Canvas } from './canvas';
import { drawEyes, drawGlasses } from './draw-eyes';
import { headMotion } from './head-motion';
import { person } from './person';

const base = { ...headMotion(person(1), 1)(0), yaw: 0, pitch: 0, roll: 0, gazeX: 0, gazeY: 0 };

/** Green at the middle of the eye on the frame's right, on a skin-like ground. */
function pupil(blink: number): number {
  const canvas = new Canvas(256, 256);
  canvas.data.fill(180);
  drawEyes(canvas, person(1), { ...base, blink });
  return canvas.data[(Math.floor(base.y - 0.012 * base.scale) * 256 + Math.floor(base.x + 0.5 * base.scale)) * 3 + 1];
}

test('an open eye has a dark pupil, a shut one shows the lid', () => {
  expect(pupil(0)).toBeLessThan(60);
  expect(pupil(1)).toBeGreaterThan(120);
});

test('glasses are drawn for those who wear some', () => {
  const paint = (glasses: 'none' | 'round' | 'square') => {
    const canvas = new Canvas(256, 256);
    canvas.data.fill(180);
    drawGlasses(canvas, { ...person(1), glasses }, base);
    return canvas.data.filter((value) => value < 120).length;
  };
  expect(paint('none')).toBe(0);
  expect(paint('round')).toBeGreaterThan(500);
  expect(paint('square')).toBeGreaterThan(500);
});
