import { expect, test } from 'vitest';
import fixture from '../../fixtures/boxes.json';
import { pipelineCrops } from './pipeline-crop';

const boxes = Float32Array.from(fixture.boxes);
const track = {
  id: 0,
  firstFrame: 0,
  frameCount: boxes.length / 4,
  points: new Float32Array(boxes.length * 34),
  score: 1,
  interpolated: 0,
  boxes,
};

test('pipelineCrops lie where run_pipeline’s do, shrinking at the ends as there', () => {
  const crops = pipelineCrops(track, 0.4);
  expect(crops.map(({ left, top, width, height }) => [left, top, width, height])).toEqual(fixture.rectangles);
  expect(crops[0].width).toBeLessThan(crops[20].width); // the median filter's zeros
});

test('pipelineCrops refuses a scale below 0', () => {
  expect(() => pipelineCrops(track, -0.1)).toThrow('pipelineCrops: scale must be at least 0');
});
