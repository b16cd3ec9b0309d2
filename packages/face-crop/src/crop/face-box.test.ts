import { expect, test } from 'vitest';
import { faceBoxes } from './face-box';

test('faceBoxes are the detector’s where there are such', () => {
  const boxes = Float32Array.of(1, 2, 30, 40);
  const track = {
    id: 0,
    firstFrame: 0,
    frameCount: 1,
    points: new Float32Array(136),
    score: 1,
    interpolated: 0,
    boxes,
  };
  expect([...faceBoxes(track)]).toEqual([1, 2, 30, 40]);
});

test('faceBoxes around landmarks are as wide as the jaw and reach above the brows', () => {
  const points = new Float32Array(272);
  for (const [frame, shift] of [
    [0, 0],
    [1, 10],
  ]) {
    for (let i = 0; i < 68; i++) points.set([100 + shift, 100], frame * 136 + 2 * i);
    points.set([50 + shift, 90], frame * 136); // jaw, left
    points.set([150 + shift, 90], frame * 136 + 2 * 16); // jaw, right
    points.set([100 + shift, 160], frame * 136 + 2 * 8); // chin
    points.set([80 + shift, 60], frame * 136 + 2 * 19); // brow
  }
  const boxes = faceBoxes({ id: 0, firstFrame: 0, frameCount: 2, points, score: 1, interpolated: 0 });
  expect([...boxes]).toEqual([50, 20, 150, 160, 60, 20, 160, 160]);
});
