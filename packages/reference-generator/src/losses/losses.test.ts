import { selectBackend } from '@lipsync/backends';
import { type ImageFeatures, perceptualDistance, registerGradients, VGG16_PERCEPTUAL } from '@lipsync/nn';
import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, expect, test } from 'vitest';
import { farthest, type LossNumbers, made, readFixture } from '../testing/torch-numbers';
import { adversarialLoss, discriminatorLoss } from './adversarial-losses';
import { expertLoss, maskedL1, maskLoss, vggPerceptual } from './image-losses';

const { losses: NUMBERS } = readFixture<LossNumbers>('losses');

beforeAll(async () => {
  await selectBackend({ backend: 'wasm' });
  registerGradients();
});

const SHAPE = [2, 6, 5];
const inputs = () => ({
  generated: made<tf.Tensor4D>('generated', [...SHAPE, 3], 0, 1),
  real: made<tf.Tensor4D>('real', [...SHAPE, 3], 0, 1),
  mask: made<tf.Tensor4D>('mask', [...SHAPE, 1], 0, 1),
  truth: tf.tidy(() => tf.cast(tf.greater(made('truth', [...SHAPE, 1], 0, 1), 0.5), 'float32')) as tf.Tensor4D,
  cosine: made<tf.Tensor1D>('cosine', [6], -0.5, 1),
  scores: made<tf.Tensor1D>('scores', [6], -30, 30),
});
type Inputs = ReturnType<typeof inputs>;

const CASES: [name: keyof typeof NUMBERS, by: keyof Inputs, loss: (x: Inputs) => tf.Scalar][] = [
  ['maskedL1', 'generated', ({ generated, real, mask }) => maskedL1(generated, real, mask)],
  ['maskLoss', 'mask', ({ mask, truth }) => maskLoss(mask, truth)],
  ['expertLoss', 'cosine', ({ cosine }) => expertLoss(cosine)],
  ['adversarialLoss', 'scores', ({ scores }) => adversarialLoss(scores)],
];

test.each(CASES)('%s: value and gradient as in PyTorch, one tensor', (name, by, loss) => {
  const given = inputs();
  const before = tf.memory().numTensors;
  const value = loss(given);
  expect(tf.memory().numTensors).toBe(before + 1);
  expect(value.dataSync()[0] / NUMBERS[name].value).toBeCloseTo(1, 5); // measured 4e-7
  const gradient = tf.grad((x) => loss({ ...given, [by]: x } as Inputs))(given[by]);
  const largest = Math.max(...NUMBERS[name].gradient.map(Math.abs));
  expect(farthest(gradient.dataSync(), NUMBERS[name].gradient)).toBeLessThan(1e-5 * largest); // measured 3.4e-8
  tf.dispose([given, value, gradient]);
});

test('maskedL1 trains no mask, and is 0 for an empty one', () => {
  const { generated, real, mask, ...rest } = inputs();
  const slope = tf.grad((m) => maskedL1(generated, real, m as tf.Tensor4D))(mask);
  expect(slope.dataSync().every((value) => value === 0)).toBe(true);
  expect(tf.tidy(() => maskedL1(generated, real, tf.zerosLike(mask)).dataSync()[0])).toBe(0);
  tf.dispose([generated, real, mask, slope, rest]);
});

test('maskLoss and its gradient stay finite where the mask is 0 or 1', () => {
  const [value, slope] = tf.tidy(() => {
    const mask = tf.tensor4d([0, 1, 0, 1], [1, 2, 2, 1]);
    const truth = tf.tensor4d([0, 1, 1, 0], [1, 2, 2, 1]);
    const { value, grad } = tf.valueAndGrad((m) => maskLoss(m as tf.Tensor4D, truth))(mask);
    return [value.dataSync()[0], [...grad.dataSync()]];
  });
  expect(value).toBeCloseTo(-Math.log(1e-7) / 2, 0);
  expect(slope.every(Number.isFinite)).toBe(true);
});

test('vggPerceptual is the mean over the batch of the squared distances of the features', () => {
  // Stands for VGG-16, whose numbers are tested in @lipsync/nn.
  const forward = (x: tf.Tensor4D, layers: readonly number[]) => layers.map((layer) => tf.mul(tf.square(x), layer));
  const network = { architecture: 'vgg16', forward } as unknown as ImageFeatures;
  const [generated, real] = ['generated', 'real'].map((name) => made<tf.Tensor4D>(name, [2, 4, 4, 3], 0, 1));
  const loss = tf.tidy(() => vggPerceptual(network)(generated, real).dataSync()[0]);
  const each = tf.tidy(() => perceptualDistance(real, generated, { network, recipe: VGG16_PERCEPTUAL }).dataSync());
  expect(loss / ((each[0] + each[1]) / 2)).toBeCloseTo(1, 5);
  expect(() => vggPerceptual({ architecture: 'vgg19' } as ImageFeatures)).toThrow(
    'vggPerceptual: network must be vgg16, got vgg19',
  );
  tf.dispose([generated, real]);
});

test('losses refuse shapes that do not fit', () => {
  const { generated, real, mask, truth, ...rest } = inputs();
  expect(() => maskedL1(generated, tf.zeros([2, 6, 4, 3]), mask)).toThrow(
    'maskedL1: real must be of shape [2, 6, 5, 3], got [2, 6, 4, 3]',
  );
  expect(() => maskedL1(generated, real, generated)).toThrow('mask must be of shape [2, 6, 5, 1]');
  expect(() => maskLoss(mask, generated)).toThrow('maskLoss: truth must be of shape [2, 6, 5, 1]');
  expect(() => expertLoss(tf.zeros([0]))).toThrow('expertLoss: cosine must be of shape [n], n above 0, got [0]');
  expect(() => adversarialLoss(tf.zeros([0]))).toThrow('adversarialLoss: scores must be of at least one window');
  const score = (x: tf.Tensor4D) => tf.mean(x, [1, 2, 3]) as tf.Tensor1D;
  expect(() => discriminatorLoss(score, { real, generated, gamma: -1 })).toThrow(
    'discriminatorLoss: gamma must be a number from 0, got -1',
  );
  tf.dispose([generated, real, mask, truth, rest]);
});

test('discriminatorLoss without R1 is the binary cross-entropy of scores, and keeps four tensors', () => {
  const { generated, real, ...rest } = inputs();
  const score = (x: tf.Tensor4D) => tf.mul(tf.sub(tf.mean(x, [1, 2, 3]), 0.5), 40) as tf.Tensor1D;
  const before = tf.memory().numTensors;
  const terms = discriminatorLoss(score, { real, generated, gamma: 0 });
  expect(tf.memory().numTensors).toBe(before + 4);
  const chance = (x: tf.Tensor4D) => tf.tidy(() => [...tf.sigmoid(score(x)).dataSync()]);
  const mean = (values: number[]) => values.reduce((sum, value) => sum + value) / values.length;
  const wanted = mean(chance(real).map((p) => -Math.log(p))) + mean(chance(generated).map((p) => -Math.log(1 - p)));
  expect(terms.total.dataSync()[0]).toBeCloseTo(wanted, 4);
  expect(terms.r1.dataSync()[0]).toBe(0);
  tf.dispose([terms, generated, real, rest]);
});
