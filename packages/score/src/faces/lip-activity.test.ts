import { expect, test } from 'vitest';
import { lipActivity } from './lip-activity';

/** A mouth 100 pixels wide whose lips are apart by `opening` of that, from frame 5 of the video on. */
function track(frameCount: number, opening: (frame: number) => number) {
  const points = new Float32Array(136 * frameCount);
  for (let i = 0; i < frameCount; i++) {
    points.set([100, 200], 136 * i + 96); // corner 48
    points.set([200, 200], 136 * i + 108); // corner 54
    points.set([150, 200], 136 * i + 124); // inner lip 62
    points.set([150, 200 + 100 * opening(i)], 136 * i + 132); // inner lip 66
  }
  return { id: 0, firstFrame: 5, frameCount, points, score: 1, interpolated: 0 };
}
const talking = (i: number) => 0.15 + 0.1 * Math.sin((2 * Math.PI * 4 * i) / 25); // four syllables a second
const still = (i: number) => 0.1 + 0.01 * Math.sin(i * i); // the jitter of landmarks
const always = () => true;

test('lips that move through all of the speech give 1, lips that tremble by 1 % of the mouth give 0', () => {
  expect(lipActivity(track(100, talking), always)).toBe(1);
  expect(lipActivity(track(100, still), always)).toBe(0);
});

test('only frames with speech count, by their number in the video', () => {
  const half = track(100, (i) => (i < 50 ? talking(i) : still(i)));
  expect(lipActivity(half, (frame) => frame < 45)).toBe(1);
  expect(lipActivity(half, (frame) => frame >= 65)).toBe(0);
  expect(lipActivity(half, always)).toBeCloseTo(0.53, 2); // the last syllable counts for frames around it
});

test('without speech, and without landmarks, nothing can be said', () => {
  expect(lipActivity(track(100, talking), () => false)).toBeNull();
  expect(lipActivity(track(100, talking), () => undefined)).toBeNull();
  expect(lipActivity(track(100, talking), (frame) => frame < 17)).toBeNull(); // twelve frames
  expect(lipActivity({ ...track(100, talking), points: new Float32Array(13600) }, always)).toBeNull();
});
