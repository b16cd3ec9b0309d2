import { readFile } from 'node:fs/promises';
import { selectBackend } from '@lipsync/backends';
import { AUDIO_FEATURES, frameShape } from '@lipsync/contracts';
import type { SyncExpert } from '@lipsync/contracts/tensors';
import { EXPERT_FILES } from '@lipsync/pretrained';
import * as tf from '@tensorflow/tfjs-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { formulaNumbers } from '../../../../tests/support/formula-weights';
import { readOnnx } from '../../../onnx/src/testing/read-onnx';
import { runOnnx } from '../../../onnx/src/testing/run-onnx';
import { loadExpert } from './load-expert';

// Whatever weights the package holds, its ONNX files and PyTorch give the same embeddings.

type Fixture = { weightsHash: string; batch: number; visual: number[]; audio: number[] };

let expert: SyncExpert;
beforeAll(async () => {
  await selectBackend({ backend: 'wasm', threads: 1, log: () => {} });
  expert = await loadExpert();
});
afterAll(() => expert.dispose());

test.each(['visual', 'audio'] as const)(
  'the packaged weights, %s, give the embeddings of PyTorch, and their ONNX file too',
  async (part) => {
    const fixture = await readFixture();
    expect(fixture.weightsHash, 'run reference/score-pretrained.py for the weights that are packaged').toBe(
      expert.weightsHash,
    );
    const input = inputOf(part, fixture.batch);
    const ours = part === 'visual' ? expert.encodeVisual(input) : expert.encodeAudio(input);
    const model = await readOnnx(new Uint8Array(await readFile(EXPERT_FILES[part].url)));
    const theirs = runOnnx(model, { [part === 'visual' ? 'frames' : 'features']: input });
    expect(theirs.shape).toEqual(ours.shape);
    const pytorch = fixture[part];
    for (const [name, embedding] of Object.entries({ wasm: ours, ONNX: theirs })) {
      const largest = largestDifference(await embedding.data<'float32'>(), pytorch);
      console.info(`${part}, ${name}: largest difference from PyTorch ${largest.toExponential(1)}`);
      expect(largest).toBeLessThan(1e-5); // float32 rounding of the same float16 weights
    }
    tf.dispose([input, ours, theirs]);
  },
);

async function readFixture(): Promise<Fixture> {
  const url = new URL('../../fixtures/pretrained-embeddings.json', import.meta.url);
  return JSON.parse(await readFile(url, 'utf8')) as Fixture;
}

/** The inputs of reference/score-pretrained.py. */
function inputOf(part: 'visual' | 'audio', batch: number): tf.Tensor4D {
  const { recipe } = expert;
  const { height, width } = frameShape(recipe.crop);
  const shape: [number, number, number, number] =
    part === 'visual'
      ? [batch, height, width, 3 * recipe.frameCount]
      : [batch, AUDIO_FEATURES[recipe.features].bins, recipe.featureSteps, 1];
  const length = shape.reduce((product, size) => product * size);
  const values =
    part === 'visual' ? formulaNumbers('frames', length, -1, 1) : formulaNumbers('features', length, -4, 4);
  return tf.tensor4d(values, shape);
}

function largestDifference(a: ArrayLike<number>, b: readonly number[]): number {
  expect(a.length).toBe(b.length);
  return b.reduce((largest, value, i) => Math.max(largest, Math.abs(value - a[i])), 0);
}
