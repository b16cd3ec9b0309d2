import { describe, expect, test } from 'vitest';
import { articulation, mouthOpening } from './articulation';
import { dropWithJaw, jawShare, landmarks, lipPoints, smoothstep, toFrame } from './face-geometry';
import { headMotion } from './head-motion';
import { person } from './person';

const still = articulation(1, 1).at(0);

function clip(seed: number, frameCount = 75) {
  const who = person(seed);
  const track = articulation(seed, frameCount / 25);
  const motion = headMotion(who, seed);
  return Array.from({ length: frameCount }, (_, frame) => {
    const timeSec = (frame + 0.5) / 25;
    const state = { mouth: track.at(timeSec), pose: motion(timeSec) };
    return { state, points: landmarks(who, state) };
  });
}

describe('landmarks', () => {
  test('68 points lie inside the frame for 30 people', () => {
    for (let seed = 0; seed < 30; seed++) {
      for (const { points } of clip(seed, 25)) {
        expect(points).toHaveLength(136);
        expect(Math.min(...points)).toBeGreaterThan(0);
        expect(Math.max(...points)).toBeLessThan(256);
      }
    }
  });

  test('points stand where the iBUG scheme has them', () => {
    for (const { points } of clip(3, 10)) {
      const x = (i: number) => points[2 * i];
      const y = (i: number) => points[2 * i + 1];
      expect(x(0)).toBeLessThan(x(16)); // jaw from the frame's left
      expect(y(8)).toBeGreaterThan(y(57)); // chin below the lower lip
      expect(x(36)).toBeLessThan(x(39)); // outer corner of the left eye first
      expect(y(37)).toBeLessThanOrEqual(y(41)); // upper lid over lower lid
      expect(y(19)).toBeLessThan(y(37)); // brow over the eye
      expect(y(33)).toBeGreaterThan(y(30)); // nose base under the tip
      expect(x(48)).toBeLessThan(x(54)); // mouth corners
      expect(y(51)).toBeLessThan(y(57)); // upper lip over lower lip
    }
  });

  test('the gap between points 62 and 66 follows the opening', () => {
    for (let seed = 0; seed < 5; seed++) {
      const gaps: number[] = [];
      const openings: number[] = [];
      for (const { state, points } of clip(seed)) {
        gaps.push(Math.hypot(points[124] - points[132], points[125] - points[133]) / state.pose.scale);
        openings.push(mouthOpening(state.mouth));
      }
      const slope = Math.max(...gaps) / Math.max(...openings);
      // measured 0.0045, of a gap of 0.165
      gaps.forEach((gap, i) => expect(Math.abs(gap - slope * openings[i])).toBeLessThan(0.02));
    }
  });
});

test('lipPoints: rounding narrows the mouth, spreading widens it', () => {
  const width = (value: number) => {
    const { outer } = lipPoints(person(1), { ...still, width: value, open: 0.3 });
    return outer[12] - outer[0];
  };
  expect(width(-1)).toBeLessThan(0.8 * width(0));
  expect(width(1)).toBeGreaterThan(1.05 * width(0));
});

test('dropWithJaw moves the chin and leaves the brow', () => {
  expect(dropWithJaw([0, 1.9, 0, -0.3], 0.2)).toEqual([0, 2.1, 0, -0.3]);
  expect(jawShare(1.4, 1.5)).toBe(0);
});

test('toFrame rolls clockwise about the point between the eyes', () => {
  const pose = {
    x: 100,
    y: 80,
    scale: 50,
    roll: Math.PI / 2,
    yaw: 0,
    pitch: 0,
    blink: 0,
    gazeX: 0,
    gazeY: 0,
    browRaise: 0,
  };
  const [x, y] = toFrame([1, 0], pose);
  expect(x).toBeCloseTo(100, 12); // measured 0
  expect(y).toBeCloseTo(130, 12); // measured 0
});

test('smoothstep is 0, one half and 1 at its edges and middle', () => {
  expect([smoothstep(2, 4, 1), smoothstep(2, 4, 3), smoothstep(2, 4, 5)]).toEqual([0, 0.5, 1]);
  expect(smoothstep(4, 2, 1)).toBe(1);
});
