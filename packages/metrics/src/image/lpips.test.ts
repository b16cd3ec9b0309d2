import { selectBackend } from '@lipsync/backends';
import { type NamedArray, readStateDict } from '@lipsync/checkpoints';
import { registerGradients } from '@lipsync/nn';
import * as tf from '@tensorflow/tfjs-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { relativeDifference } from '../testing/formula-images';
import { linearState, lpipsCases, noisePair, publishedLinear, trunkState } from '../testing/lpips-cases';
import { Lpips, type LpipsNet, LpipsScorer, lpips } from './lpips';

const NETS = Object.keys(lpipsCases.nets) as LpipsNet[];
const range = [-1, 1] as const;

beforeAll(async () => {
  await selectBackend({ backend: 'wasm' });
  registerGradients();
});

function loaded(net: LpipsNet, epsilon: 'reference' | 'torchmetrics' = 'reference'): Lpips {
  const network = new Lpips({ net, epsilon });
  network.loadStateDict(new Map([...trunkState(net), ...linearState(net)]));
  return network;
}

describe.each(NETS)('Lpips of %s', (net) => {
  const wanted = lpipsCases.nets[net];
  let network: Lpips;
  let pair: [tf.Tensor4D, tf.Tensor4D];

  beforeAll(() => {
    network = loaded(net);
    pair = noisePair(net);
  });
  afterAll(() => {
    network.dispose();
    tf.dispose(pair);
  });

  test("equals a PyTorch program over torchvision's network, and leaves one tensor", () => {
    const before = tf.memory().numTensors;
    const distance = network.forward(...pair, { range });
    expect(tf.memory().numTensors).toBe(before + 1);
    expect(distance.shape).toEqual([2]);
    expect(relativeDifference(distance.dataSync(), wanted.reference)).toBeLessThan(2e-6); // measured 1.3e-7
    distance.dispose();
  });

  test('keeps the names of both files', async () => {
    expect([...(await network.stateDict()).keys()].sort()).toEqual(
      [...trunkState(net).keys(), ...linearState(net).keys()].sort(),
    );
  });

  test('of images in 0..1 is the same as of the same images in -1..1', async () => {
    const halves = tf.tidy(() => pair.map((x) => tf.mul<tf.Tensor4D>(tf.add(x, 1), 0.5)));
    const distances = await lpips(network, halves[0], halves[1], { range: [0, 1] });
    expect(relativeDifference(distances, wanted.reference)).toBeLessThan(2e-6); // measured 1.6e-7
    tf.dispose(halves);
  });

  test('is 0 for equal images and symmetric', async () => {
    expect([...(await lpips(network, pair[0], pair[0], { range }))]).toEqual([0, 0]);
    const back = await lpips(network, pair[1], pair[0], { range });
    expect(relativeDifference(back, wanted.reference)).toBeLessThan(2e-6); // measured 1.3e-7
  });

  const path = publishedLinear(net);
  test.skipIf(path === undefined)(
    `takes the published linear layers by name${path ? '' : ' [skipped: no weights/lpips in LIPSYNC_SHARED]'}`,
    async () => {
      const { state } = await readStateDict(path!);
      expect(new Map([...state].map(([name, { shape }]) => [name, shape]))).toEqual(
        new Map([...linearState(net)].map(([name, { shape }]) => [name, shape])),
      );
      const real = new Lpips({ net });
      real.loadStateDict(new Map([...trunkState(net), ...state]));
      const distances = await lpips(real, ...pair, { range });
      expect(relativeDifference(distances, wanted.published)).toBeLessThan(1e-5); // measured 4.3e-7, on squeeze
      real.dispose();
    },
  );
});

test.each(['alex', 'squeeze'] as const)(
  'Lpips of %s with the epsilon of torchmetrics has its value, and the gradient of PyTorch',
  (net) => {
    const { torchmetrics, gradient } = lpipsCases.nets[net];
    const network = loaded(net, 'torchmetrics');
    const value = tf.tidy(() => network.forward(...noisePair(net), { range }).dataSync());
    expect(relativeDifference(value, torchmetrics)).toBeLessThan(2e-6); // measured 1.3e-7
    const [real, generated] = noisePair(net, gradient!.number);
    const slope = tf.grad((x) => tf.mean(network.forward(real, x as tf.Tensor4D, { range })))(generated);
    const got = slope.dataSync().filter((_, i) => i % gradient!.every === 0);
    // measured 3.9e-6 of the largest: the slope passes the whole trunk in float32
    expect(relativeDifference(got, gradient!.data)).toBeLessThan(1e-4);
    tf.dispose([real, generated, slope]);
    network.dispose();
  },
);

test('Lpips takes the whole module as LPIPS and as torchmetrics save it', async () => {
  const pair = noisePair('alex');
  const slices = [0, 2, 5, 8, 10];
  const whole = [...trunkState('alex')].map(([name, array]) => {
    const index = Number(name.split('.')[1]);
    const slice = slices.filter((first) => index >= first).length;
    return [name.replace('features.', `net.slice${slice}.`), array] as const;
  });
  const copies = [...linearState('alex')].map(([name, array]) => [name.replace('lin', 'lins.'), array] as const);
  const constant: NamedArray = { dtype: 'float32', shape: [1, 3, 1, 1], data: new Float32Array(3) };
  const entries = [...whole, ...linearState('alex'), ...copies, ['scaling_layer.shift', constant] as const];
  for (const prefix of ['', 'net.']) {
    const network = new Lpips();
    network.loadStateDict(new Map(entries.map(([name, array]) => [`${prefix}${name}`, array])));
    expect(relativeDifference(await lpips(network, ...pair, { range }), lpipsCases.nets.alex.reference)).toBeLessThan(
      2e-6, // measured 9.4e-8
    );
    network.dispose();
  }
  tf.dispose(pair);
});

test('Lpips names what is missing, what does not fit and what cannot be measured', async () => {
  const network = new Lpips();
  const [real, generated] = noisePair('alex');
  expect(() => network.forward(real, generated, { range })).toThrow(
    'Lpips.forward: this network must be one with weights',
  );
  expect(() => network.loadStateDict(trunkState('alex'))).toThrow('5 missing: lin0.model.1.weight');
  expect(() => network.loadStateDict(new Map([...trunkState('alex'), ...linearState('vgg')]))).toThrow(
    '4 misshapen: lin1.model.1.weight ([1, 128, 1, 1] for [1, 192, 1, 1])',
  );
  network.loadStateDict(new Map([...trunkState('alex'), ...linearState('alex')]));
  expect(() => network.forward(real, generated, {} as { range: [0, 1] })).toThrow(
    'Lpips.forward: range must be [black, white]',
  );
  await expect(lpips(network, real, generated, { range: [0, 1] })).rejects.toThrow(
    /^lpips: real must be within range \(0\.\.1\), got -0\.99/,
  );
  const bytes = tf.mul<tf.Tensor4D>(generated, 255);
  await expect(lpips(network, real, bytes, { range })).rejects.toThrow(
    'lpips: generated must be within range (-1..1), got ',
  );
  const [small, fitting] = [30, 31].map((side) => tf.zeros<tf.Rank.R4>([1, side, 40, 3]));
  await expect(lpips(network, small, small, { range })).rejects.toThrow(
    'real must be at least 31 pixels high and wide for AlexNet, got [1, 30',
  );
  expect([...(await lpips(network, fitting, fitting, { range }))]).toEqual([0]);
  await expect(lpips(network, real, fitting, { range })).rejects.toThrow(
    'lpips: generated must be of shape [2, 64, 70, 3], as real is, got',
  );
  expect(() => new Lpips({ net: 'vgg19' as 'vgg' })).toThrow('Lpips: net must be alex, vgg, squeeze, got vgg19');
  expect(() => new Lpips({ epsilon: 'none' as 'reference' })).toThrow(
    'Lpips: epsilon must be reference or torchmetrics',
  );
  network.dispose();
  expect(() => network.forward(real, generated, { range })).toThrow('disposed');
  tf.dispose([real, generated, bytes, small, fitting]);
});

test('LpipsScorer is the mean of all pairs, keeps no tensor, and notes small images and a suspicious range', async () => {
  const network = loaded('squeeze');
  const pair = noisePair('squeeze');
  const scorer = new LpipsScorer(network, { range });
  expect(() => scorer.compute()).toThrow(
    'LpipsScorer.compute: samples so far must be at least one (call update first)',
  );
  const before = tf.memory().numTensors;
  const first = await scorer.update(...pair);
  await scorer.update(pair[0], pair[0]);
  expect(tf.memory().numTensors).toBe(before);
  expect(scorer.compute()).toEqual({
    metric: 'lpips',
    value: (first[0] + first[1]) / 4,
    samples: 4,
    convention: 'v0.1, SqueezeNet 1.1, epsilon as the reference, RGB, images at their own size',
    notes: [],
  });
  scorer.reset();
  const positive = tf.tidy(() => tf.slice(tf.abs(pair[0]), [0, 0, 0, 0], [1, 40, 40, 3])) as tf.Tensor4D;
  await scorer.update(positive, positive);
  expect(scorer.compute().notes).toEqual([
    '1 of 1 pairs are below 64 pixels, where LPIPS is not reliable',
    'no value was below 0: if the images are in 0..1, pass that range: as -1..1 their distances are too small',
  ]);
  tf.dispose([...pair, positive]);
  network.dispose();
});

test('Lpips has a finite gradient where all features are 0 with the epsilon of torchmetrics, and none with that of the reference', () => {
  const zeros = new Map<string, NamedArray>();
  for (const [name, { shape, data }] of trunkState('squeeze'))
    zeros.set(name, { dtype: 'float32', shape, data: new Float32Array(data.length) });
  const [real, generated] = noisePair('squeeze');
  const finite = (['torchmetrics', 'reference'] as const).map((epsilon) => {
    const network = new Lpips({ net: 'squeeze', epsilon });
    network.loadStateDict(new Map([...zeros, ...linearState('squeeze')]));
    const slope = tf.grad((x) => tf.mean(network.forward(real, x as tf.Tensor4D, { range })))(generated);
    const ok = slope.dataSync().every(Number.isFinite);
    network.dispose();
    slope.dispose();
    return ok;
  });
  expect(finite).toEqual([true, false]);
  tf.dispose([real, generated]);
});
