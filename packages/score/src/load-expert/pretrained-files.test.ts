import { readFile } from 'node:fs/promises';
import { selectBackend } from '@lipsync/backends';
import { AUDIO_FEATURES, frameShape } from '@lipsync/contracts';
import type { SyncExpert } from '@lipsync/contracts/tensors';
import { EXPERT_FILES } from '@lipsync/pretrained';
import * as tf from '@tensorflow/tfjs-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { readOnnx } from '../../../onnx/src/testing/read-onnx';
import { runOnnx } from '../../../onnx/src/testing/run-onnx';
import { loadExpert } from './load-expert';

// Whatever weights the package holds, its ONNX files hold the same.

let expert: SyncExpert;
beforeAll(async () => {
  await selectBackend({ backend: 'wasm', threads: 1, log: () => {} });
  expert = await loadExpert();
});
afterAll(() => expert.dispose());

test.each(['visual', 'audio'] as const)(
  'the packaged ONNX file %s gives the embeddings of the weights',
  async (part) => {
    const { recipe } = expert;
    const { height, width } = frameShape(recipe.crop);
    const model = await readOnnx(new Uint8Array(await readFile(EXPERT_FILES[part].url)));
    const [input, ours] = tf.tidy(() => {
      if (part === 'visual') {
        const frames = tf.randomUniform<tf.Rank.R4>(
          [2, height, width, 3 * recipe.frameCount],
          ...recipe.range,
          'float32',
          1,
        );
        return [frames, expert.encodeVisual(frames)];
      }
      const shape: [number, number, number, number] = [2, AUDIO_FEATURES[recipe.features].bins, recipe.featureSteps, 1];
      const features = tf.randomUniform<tf.Rank.R4>(shape, -4, 4, 'float32', 2);
      return [features, expert.encodeAudio(features)];
    });
    const theirs = runOnnx(model, { [part === 'visual' ? 'frames' : 'features']: input });
    expect(theirs.shape).toEqual(ours.shape);
    const [a, b] = [await ours.data(), await theirs.data()];
    const largest = Math.max(...Array.from(a, (value, i) => Math.abs(value - b[i])));
    console.info(`${part}: largest difference of an embedding ${largest.toExponential(1)}`);
    expect(largest).toBeLessThan(1e-3);
    tf.dispose([input, ours, theirs]);
  },
);
