import { describe, expect, test } from 'vitest';
import { articulation } from './articulation';
import { landmarks } from './face-geometry';
import { FacePainter } from './face-painter';
import { headMotion } from './head-motion';
import { person } from './person';

const who = person(0);
const painter = new FacePainter(who);
const pose = { ...headMotion(who, 1)(0.5), blink: 0 };
const rest = articulation(1, 1).at(0);
const wide = { mouth: { ...rest, open: 1, closure: 0 }, pose };
const shut = { mouth: { ...rest, open: 0.1, closure: 1 }, pose };

/** Mean brightness around a point. */
function bright(rgb: Uint8Array, x: number, y: number): number {
  let sum = 0;
  for (let dy = -1; dy <= 1; dy++) {
    for (let dx = -1; dx <= 1; dx++) {
      const at = ((Math.floor(y) + dy) * 256 + Math.floor(x) + dx) * 3;
      sum += (rgb[at] + rgb[at + 1] + rgb[at + 2]) / 27;
    }
  }
  return sum;
}

describe('FacePainter', () => {
  test('the same state gives the same bytes, from another painter too', () => {
    const rgb = painter.draw(wide, 3);
    expect(rgb).toHaveLength(256 * 256 * 3);
    expect(Buffer.compare(rgb, painter.draw(wide, 3))).toBe(0);
    expect(Buffer.compare(rgb, new FacePainter(person(0)).draw(wide, 3))).toBe(0);
  });

  test('the number of the frame changes the noise only', () => {
    const a = painter.draw(wide, 0);
    const b = painter.draw(wide, 1);
    expect(Buffer.compare(a, b)).not.toBe(0);
    expect(a.reduce((most, value, i) => Math.max(most, Math.abs(value - b[i])), 0)).toBeLessThan(12 * who.light.noise);
  });

  test('an open mouth is dark inside, at the known landmarks', () => {
    const points = landmarks(who, wide);
    const x = (points[2 * 62] + points[2 * 66]) / 2;
    const y = points[2 * 62 + 1] * 0.4 + points[2 * 66 + 1] * 0.6;
    expect(bright(painter.draw(wide, 0), x, y)).toBeLessThan(bright(painter.draw(shut, 0), x, y + 8) - 25);
  });

  test('the chin goes down with the jaw, the eyes stay', () => {
    const open = painter.draw(wide, 0);
    const closed = painter.draw(shut, 0);
    const differs = (row: number) => {
      let sum = 0;
      for (let i = row * 768; i < (row + 1) * 768; i++) sum += Math.abs(open[i] - closed[i]);
      return sum / 768;
    };
    expect(differs(Math.round(pose.y))).toBe(0);
    expect(differs(Math.round(landmarks(who, shut)[17] + 3))).toBeGreaterThan(1);
  });

  test('a smaller frame shows the same face', () => {
    const small = new FacePainter(who, 128).draw({ mouth: rest, pose: headMotion(who, 1, 128)(0.5) }, 0);
    const large = painter.draw({ mouth: rest, pose: headMotion(who, 1)(0.5) }, 0);
    const mean = (rgb: Uint8Array) => rgb.reduce((sum, value) => sum + value, 0) / rgb.length;
    expect(small).toHaveLength(128 * 128 * 3);
    expect(Math.abs(mean(small) - mean(large))).toBeLessThan(2);
  });

  test('sizes that do not divide into cells are refused', () => {
    expect(() => new FacePainter(who, 130)).toThrow(/^FacePainter: size must be a multiple of 4 above 0, got 130$/);
  });
});
