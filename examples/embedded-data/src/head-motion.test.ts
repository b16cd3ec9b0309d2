import { expect, test } from 'vitest';
import { headMotion } from './head-motion';
import { person } from './person';

test('the head moves slowly, the same way for the same seed', () => {
  const motion = headMotion(person(1), 8);
  expect(motion(1.5)).toEqual(headMotion(person(1), 8)(1.5));
  for (let frame = 0; frame < 100; frame++) {
    const a = motion(frame / 25);
    const b = motion((frame + 1) / 25);
    expect(Math.hypot(a.x - b.x, a.y - b.y)).toBeLessThan(1.5);
    expect(Math.abs(a.roll - b.roll)).toBeLessThan(0.005); // measured 0.0012
  }
});

test('a minute holds some blinks that shut the eyes', () => {
  const motion = headMotion(person(2), 3);
  const blinks = Array.from({ length: 6000 }, (_, i) => motion(i / 100).blink);
  const shut = blinks.filter((value, i) => value > 0.95 && blinks[i - 1] <= 0.95).length;
  expect(shut).toBeGreaterThan(8);
  expect(shut).toBeLessThan(40);
});

test('positions scale with the frame', () => {
  const small = headMotion(person(2), 3, 128)(1);
  const large = headMotion(person(2), 3, 256)(1);
  expect(large.x).toBeCloseTo(2 * small.x, 12); // measured 0
  expect(large.scale).toBeCloseTo(2 * small.scale, 12); // measured 0
});
