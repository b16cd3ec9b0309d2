import { createLandmarkDetector } from '@lipsync/face-crop';
import * as tf from '@tensorflow/tfjs-core';
import '@tensorflow/tfjs-backend-wasm';
import { expect, test } from 'vitest';
import { articulation } from './articulation';
import { landmarks } from './face-geometry';
import { FacePainter } from './face-painter';
import { headMotion } from './head-motion';
import { person } from './person';

test('the real detector finds the drawn faces, within a tenth of the eye distance of the known points', async () => {
  await tf.setBackend('wasm');
  const detector = await createLandmarkDetector();
  try {
    for (const seed of [0, 4, 7, 10]) {
      const who = person(seed);
      const pose = { ...headMotion(who, seed)(0.5), blink: 0 };
      const painter = new FacePainter(who);
      const rest = articulation(seed, 1).at(0);
      const gaps: number[] = [];
      detector.reset();
      for (const [index, open] of [0.1, 1].entries()) {
        const state = { mouth: { ...rest, open }, pose };
        const frame = { data: painter.draw(state, index), width: 256, height: 256, index, timeSec: index / 25 };
        const faces = await detector.detect(frame);
        expect(faces, `faces of person ${seed}`).toHaveLength(1);
        expect(faces[0].score).toBeGreaterThan(0.3);
        const known = landmarks(who, state);
        const away = Array.from({ length: 68 }, (_, i) =>
          Math.hypot(faces[0].points[2 * i] - known[2 * i], faces[0].points[2 * i + 1] - known[2 * i + 1]),
        );
        expect(away.reduce((sum, value) => sum + value, 0) / 68 / pose.scale).toBeLessThan(0.1);
        gaps.push((faces[0].points[133] - faces[0].points[125]) / pose.scale);
      }
      expect(gaps[1]).toBeGreaterThan(gaps[0] + 0.12);
    }
  } finally {
    detector.dispose();
  }
});
