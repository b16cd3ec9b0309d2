import '@tensorflow/tfjs-backend-cpu';
import type { SyncRecipe } from '@lipsync/contracts';
import type { EmbeddingBatch, FeatureBatch, MouthBatch } from '@lipsync/contracts/tensors';
import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, test } from 'vitest';
import { TwoTowerExpert } from './two-tower-expert';

beforeAll(() => tf.setBackend('cpu'));

const RECIPE: SyncRecipe = {
  frameCount: 2,
  fps: 25,
  crop: { kind: 'face box', size: 4, rows: 'lower half' },
  color: 'RGB',
  range: [0, 1],
  features: 'SYNCNET_MFCC',
  featureSteps: 3,
};

/** Embeddings are the sums of a window, times a weight. */
class Sums extends TwoTowerExpert {
  readonly name = 'sums';
  readonly space = 'unit';
  readonly embeddingSize = 1;
  readonly #weight = this.parameter('weight', tf.ones([1]));
  constructor(recipe?: SyncRecipe) {
    super(recipe);
    this.eval();
  }
  protected visualTower(frames: MouthBatch): EmbeddingBatch {
    return tf.mul(tf.sum(tf.reshape(frames, [frames.shape[0], -1]), 1, true), this.#weight);
  }
  protected audioTower(features: FeatureBatch): EmbeddingBatch {
    return tf.mul(tf.sum(tf.reshape(features, [features.shape[0], -1]), 1, true), this.#weight);
  }
}

const frames = () => tf.ones([2, 2, 4, 6]) as tf.Tensor4D;
const features = () => tf.ones([2, 13, 3, 1]) as tf.Tensor4D;

describe('TwoTowerExpert', () => {
  test('embeds windows of the shapes that its recipe says, and leaves its results only', () => {
    const net = new Sums(RECIPE);
    const [x, y] = [frames(), features()];
    const before = tf.memory().numTensors;
    const { visual, audio } = net.forward(x, y);
    expect([...visual.dataSync(), ...audio.dataSync()]).toEqual([48, 48, 39, 39]);
    tf.dispose([visual, audio, net.encodeVisual(x), net.encodeAudio(y)]);
    expect(tf.memory().numTensors).toBe(before);
    net.dispose();
    expect(() => net.encodeVisual(x)).toThrow('Sums.encodeVisual: this module must be in use');
  });

  test('refuses other shapes and dtypes by the name of the argument', () => {
    const net = new Sums(RECIPE);
    expect(() => net.encodeVisual(tf.zeros([2, 4, 4, 6]))).toThrow(
      'Sums.encodeVisual: frames must be of shape [batch, 2, 4, 6], got [2, 4, 4, 6]',
    );
    expect(() => net.encodeVisual(tf.zeros([0, 2, 4, 6]))).toThrow('got [0, 2, 4, 6]');
    expect(() => net.encodeAudio(tf.zeros([2, 13, 3, 1], 'int32'))).toThrow(
      'Sums.encodeAudio: features must be float32, got int32',
    );
    expect(() => net.forward(frames(), frames())).toThrow('Sums.forward: features must be of shape [batch, 13, 3, 1]');
    net.dispose();
  });

  test('keeps its recipe; reading one that was not given throws', () => {
    const [net, bare] = [new Sums(RECIPE), new Sums()];
    expect([net.hasRecipe, bare.hasRecipe]).toEqual([true, false]);
    expect(net.recipe).toEqual(RECIPE);
    expect(() => bare.recipe).toThrow('Sums.recipe: the network must be built or loaded with a recipe, got none');
    expect(() => new Sums({ ...RECIPE, fps: 0 })).toThrow('Sums: recipe.fps must be above 0');
    net.dispose();
    bare.dispose();
  });

  test('drops weightsHash where the weights are replaced or trained, and keeps it in evaluation mode', async () => {
    const net = new Sums(RECIPE);
    net.weightsHash = 'ab';
    expect(net.eval().weightsHash).toBe('ab');
    expect(net.train().weightsHash).toBeUndefined();
    net.weightsHash = 'ab';
    net.loadStateDict(await net.stateDict());
    expect(net.weightsHash).toBeUndefined();
    net.dispose();
  });

  test('drops its calibration where the weights are replaced or trained, and keeps it in evaluation mode', async () => {
    const net = new Sums(RECIPE);
    const calibration = { source: 'made', halfAt: [[16, 7] as [number, number]], slope: 1, farPenalty: 0.5 };
    net.calibration = calibration;
    expect(net.eval().calibration).toBe(calibration);
    expect(net.train().calibration).toBeUndefined();
    net.calibration = calibration;
    net.loadStateDict(await net.stateDict());
    expect(net.calibration).toBeUndefined();
    net.dispose();
  });
});
