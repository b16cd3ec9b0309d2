import { expect, test } from 'vitest';
import { blendFrames, blendSteps, planStretch } from './stretch-window';

const window = {
  frameStart: 20,
  stepStart: 64,
  frameCount: 10,
  featureSteps: 32,
  stepsPerFrame: 3.2,
  clipFrames: 50,
  clipSteps: 160,
};
/** Frame f of the clip is f everywhere, step t is t. */
const frames = (first: number, count: number) =>
  Uint8Array.from({ length: count * 6 }, (_, i) => first + Math.floor(i / 6));
const features = {
  bins: 2,
  steps: 160,
  data: Float32Array.from({ length: 320 }, (_, i) => Math.floor(i / 2)),
};

test.each([0.9, 1.1])('speed %d: frames and steps run at it about the same moment', (speed) => {
  const plan = planStretch({ ...window, speed });
  const shown = blendFrames(frames(plan.firstFrame, plan.frameCount), 6, plan.framePositions);
  const moved = blendSteps(features, plan.stepPositions);
  for (let i = 0; i < 10; i++) {
    const at = 24.5 + (i - 4.5) * speed; // frames of the clip
    expect(plan.firstFrame + plan.framePositions[i]).toBeCloseTo(at, 9);
    expect(Math.abs(shown[i * 6 + 3] - at)).toBeLessThanOrEqual(0.51); // whole values
    // The step that the network takes with this frame.
    const step = moved.data[2 * Math.round(3.2 * i)];
    expect(Math.abs(step / 3.2 - at)).toBeLessThan(0.18 + 0.01); // half a step is 0.16 frame at speed 1
  }
});

test('speed 1 is the window itself', () => {
  const plan = planStretch({ ...window, speed: 1 });
  expect([plan.firstFrame, plan.frameCount]).toEqual([20, 10]);
  expect(blendFrames(frames(20, 10), 6, plan.framePositions)).toEqual(frames(20, 10));
  expect(blendSteps(features, plan.stepPositions).data).toEqual(features.data.subarray(128, 192));
});

test('at the ends of a clip the speed comes nearer to 1, and no position leaves the clip', () => {
  for (const [frameStart, stepStart] of [
    [0, 0],
    [40, 128],
    [1, 3],
    [39, 124],
  ]) {
    const plan = planStretch({ ...window, frameStart, stepStart, speed: 1.25 });
    expect(plan.firstFrame).toBeGreaterThanOrEqual(0);
    expect(plan.firstFrame + plan.frameCount).toBeLessThanOrEqual(50);
    expect(plan.stepPositions[0]).toBeGreaterThanOrEqual(0);
    expect(plan.stepPositions[31]).toBeLessThanOrEqual(159);
  }
});

test('blendSteps moves all positions by its shift and repeats the ends', () => {
  const plan = planStretch({ ...window, frameStart: 0, stepStart: 0, speed: 1 });
  expect([...blendSteps(features, plan.stepPositions, 1).data.subarray(0, 4)]).toEqual([1, 1, 2, 2]);
  expect([...blendSteps(features, plan.stepPositions, -1).data.subarray(0, 6)]).toEqual([0, 0, 0, 0, 1, 1]);
});

test('planStretch refuses a speed that is no speech', () => {
  expect(() => planStretch({ ...window, speed: 3 })).toThrow('planStretch: speed must be 0.5 to 2, got 3');
});
