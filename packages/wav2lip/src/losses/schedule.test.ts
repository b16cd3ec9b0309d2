import { selectBackend } from '@lipsync/backends';
import { AdamW, disposeGradients, Linear, l2Normalize, Module, Random, relu, valueAndGradients } from '@lipsync/nn';
import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, test } from 'vitest';
import { WAV2LIP } from '../network/config';
import { Wav2LipGenerator } from '../network/generator';
import { lowerHalf, swapColours } from '../network/images';
import { Wav2LipDiscriminator } from '../network/quality-discriminator';
import { fillMade, images, mel, REFERENCE } from '../testing/torch-numbers';
import { absoluteError, qualityDiscriminatorLoss, qualityGeneratorLoss } from './adversarial-loss';
import {
  afterValidation,
  WAV2LIP_GAN_SCHEDULE,
  WAV2LIP_SCHEDULE,
  type Wav2LipScheduleState,
  wav2lipWeights,
} from './schedule';

beforeAll(async () => {
  await selectBackend({ backend: 'wasm' });
});

describe('the schedule', () => {
  test('has no sync loss until a validation is below the threshold, and keeps it from then on', () => {
    let state: Wav2LipScheduleState = {};
    const weights: number[] = [];
    for (const [step, syncLoss] of [0.9, 0.75, 0.74, 2].entries()) {
      state = afterValidation(state, { step: 3000 * step, syncLoss }, WAV2LIP_SCHEDULE);
      weights.push(wav2lipWeights(state, WAV2LIP_SCHEDULE).sync);
    }
    expect(weights).toEqual([0, 0, 0.01, 0.01]);
    expect(state).toEqual({ switchedAt: 6000 });
  });

  test('survives a checkpoint: its state is plain data', () => {
    const state = afterValidation({}, { step: 3000, syncLoss: 0.5 }, WAV2LIP_GAN_SCHEDULE);
    const resumed = JSON.parse(JSON.stringify(state)) as Wav2LipScheduleState;
    expect(wav2lipWeights(resumed, WAV2LIP_GAN_SCHEDULE)).toEqual(wav2lipWeights(state, WAV2LIP_GAN_SCHEDULE));
  });

  test('leaves to the images what the others do not weigh, and refuses weights that leave nothing', () => {
    expect(wav2lipWeights({}, WAV2LIP_GAN_SCHEDULE)).toEqual({ sync: 0, gan: 0.07, image: 1 - 0.07 });
    const { image } = wav2lipWeights({ switchedAt: 1 }, WAV2LIP_GAN_SCHEDULE);
    expect(image).toBeCloseTo(0.9, 12);
    expect(() => wav2lipWeights({}, { threshold: 1, sync: 0.5, gan: 0.5 })).toThrow('whose sum is below 1');
    expect(() => afterValidation({}, { step: 0.5, syncLoss: 1 }, WAV2LIP_SCHEDULE)).toThrow('validation.step must be');
    expect(() => afterValidation({}, { step: 0, syncLoss: Number.NaN }, WAV2LIP_SCHEDULE)).toThrow(
      'afterValidation: validation.syncLoss must be a finite number, got NaN',
    );
  });
});

/** The expert of reference/wav2lip.py: a linear layer of each modality, ReLU, cosine. */
class LinearExpert extends Module {
  readonly #visual: Linear;
  readonly #sound: Linear;

  constructor(size: number) {
    super();
    const random = new Random(0);
    const inFeatures = (size / 2) * size * 15;
    this.#visual = this.register('visual', new Linear({ inFeatures, outFeatures: 8, random }));
    this.#sound = this.register('sound', new Linear({ inFeatures: 80 * 16, outFeatures: 8, random }));
  }

  /** `[rows]`, of RGB faces `[5 rows, size, size, 3]` and mel `[rows, 80, 16]`. */
  cosines(faces: tf.Tensor4D, audio: tf.Tensor3D): tf.Tensor1D {
    const [count, height, width] = faces.shape;
    const half = tf.reshape(lowerHalf(swapColours(faces)), [count / 5, 5, height / 2, width, 3]);
    const seen = tf.reshape(tf.transpose(half, [0, 2, 3, 1, 4]), [count / 5, -1]);
    const heard = tf.reshape(audio, [count / 5, -1]);
    const [visual, sound] = [this.#visual.forward(seen), this.#sound.forward(heard)];
    return tf.sum<tf.Tensor1D>(tf.mul(l2Normalize(relu(visual)), l2Normalize(relu(sound))), 1);
  }
}

test('ten steps of Wav2Lip + GAN have PyTorch’s losses; the sync loss sets in with the sixth', async () => {
  const { draw, rows, size, width, rate, log } = REFERENCE.schedule;
  const generator = new Wav2LipGenerator({ ...WAV2LIP, width, size }, { seed: 0 });
  const judge = new Wav2LipDiscriminator({ width, size, seed: 0 });
  const expert = new LinearExpert(size);
  for (const net of [generator, judge, expert]) await fillMade(net);
  generator.eval(); // as in the reference, which says why
  const adam = { learningRate: rate, betas: [0.5, 0.999] as [number, number], weightDecay: 0 };
  const optimizers = [generator, judge].map((net) => new AdamW(net.namedParameters(), adam));
  let state: Wav2LipScheduleState = {};
  for (const [step, expected] of log.entries()) {
    const weights = wav2lipWeights(state, WAV2LIP_GAN_SCHEDULE);
    expect(weights.sync).toBe(expected.weight);
    const n = 5 * rows;
    const [real, references, audio] = [
      images(`real ${step % 2} ${draw}`, n, size),
      images(`reference ${step % 2} ${draw}`, n, size),
      mel(`mel ${step % 2} ${draw}`, n),
    ];
    const terms: Record<string, number> = {};
    const keep = (name: string, value: tf.Scalar) => {
      terms[name] = value.dataSync()[0];
      return value;
    };
    let made: tf.Tensor4D | undefined;
    const losses = [
      () => {
        const shown = tf.concat(
          [tf.slice(real, [0, 0, 0, 0], [-1, size / 2, -1, -1]), tf.zeros([n, size / 2, size, 3])],
          1,
        );
        const faces = generator.forward(shown as tf.Tensor4D, references, audio);
        made = tf.keep(tf.clone(faces));
        const first = tf.gather(audio, tf.range(0, n, 5, 'int32'));
        const cosines = tf.clipByValue(expert.cosines(faces, first as tf.Tensor3D), 1e-7, 1 - 1e-7);
        const sync = keep('sync', tf.neg(tf.mean<tf.Scalar>(tf.log(cosines))));
        const gan = keep('gan', qualityGeneratorLoss(judge.forward(faces)));
        const image = keep('image', absoluteError(real, faces));
        const sum = [tf.mul(sync, weights.sync), tf.mul(gan, weights.gan), tf.mul(image, weights.image)];
        return keep('generator', tf.addN(sum) as tf.Scalar);
      },
      () => keep('discriminator', qualityDiscriminatorLoss(judge.forward(real), judge.forward(made!))),
    ];
    for (const [i, net] of [generator, judge].entries()) {
      const { value, gradients } = valueAndGradients(net, losses[i]);
      optimizers[i].step(gradients);
      disposeGradients(gradients);
      value.dispose();
    }
    tf.dispose([real, references, audio, made!]);
    for (const [name, value] of Object.entries(terms)) {
      const wanted = expected[name as keyof typeof expected];
      // measured 6e-6
      expect(Math.abs(value - wanted) / wanted, `${name} of step ${step}`).toBeLessThan(1e-4);
    }
    if (step === 4) state = afterValidation(state, { step, syncLoss: 0.7 }, WAV2LIP_GAN_SCHEDULE);
  }
  for (const net of [generator, judge, expert]) net.dispose();
  for (const optimizer of optimizers) optimizer.dispose();
});
