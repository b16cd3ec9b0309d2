import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type AVAlignNetConfig, LITE } from '@lipsync/avalignnet';
import { selectBackend } from '@lipsync/backends';
import { encodeSafetensors, readWeights } from '@lipsync/checkpoints';
import { SPEECH_LOUDNESS, type StoredCrop, type SyncRecipe, storedShape } from '@lipsync/contracts';
import { ClipStore, clipId } from '@lipsync/dataloader';
import { Random } from '@lipsync/nn';
import { loadSyncNetwork } from '@lipsync/syncnet';
import * as tf from '@tensorflow/tfjs-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type NoiseStoreOptions, noiseStore } from '../testing/noise-store';
import { SMALL_RUN } from '../testing/small-run';
import { type TrainExpertEvent, type TrainExpertOptions, trainExpert } from './train-expert';
import { buildNetwork, metadataOf, recipeFor } from './trained-network';

let folder: string;
beforeAll(async () => {
  await selectBackend({ backend: 'wasm', threads: 1, log: () => {} });
  folder = await mkdtemp(join(tmpdir(), 'lipsync-train-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

type StoreFor = [NoiseStoreOptions['network'], AVAlignNetConfig?, { crop?: StoredCrop; name?: string }?];
const storeFor = (...[network, config, other]: StoreFor) => noiseStore(folder, { network, config, ...other });

async function run(options: TrainExpertOptions, until = Infinity): Promise<TrainExpertEvent[]> {
  const events: TrainExpertEvent[] = [];
  for await (const event of trainExpert(options)) {
    events.push(event);
    if (event.kind === 'step' && event.entry.step >= until) break;
  }
  return events;
}

test.each(['syncnet', 'wav2lip'] as const)(
  'trainExpert trains %s by its publisher’s recipe, resumes where it was stopped, and writes weights that load',
  async (network) => {
    const store = await storeFor(network);
    const options = {
      store,
      network,
      preset: 'published',
      width: 0.03125,
      steps: 3,
      pairsPerBatch: 4,
      heldOut: ['d'],
      checkpointEvery: 1,
      validateEvery: 0,
    } as const;
    const before = tf.memory().numTensors;
    const whole = await run({ ...options, out: join(folder, `${network}-whole`) });
    expect(tf.memory().numTensors).toBe(before);
    const done = whole.at(-1) as Extract<TrainExpertEvent, { kind: 'done' }>;
    expect(done.report).toMatchObject({ steps: 3, samples: 12, trainingClips: 3, heldOutClips: 1 });
    for (const event of whole) if (event.kind === 'step') expect(Number.isFinite(event.entry.loss)).toBe(true);

    const out = join(folder, `${network}-stopped`);
    await run({ ...options, out }, 2);
    const rest = await run({ ...options, out });
    expect(rest[0]).toMatchObject({ kind: 'start' });
    expect((rest[0] as { resumedAt: number }).resumedAt).toBeGreaterThan(0);
    expect((rest.at(-1) as typeof done).report.weightsHash).toBe(done.report.weightsHash);

    const net = await loadSyncNetwork(done.report.weights);
    expect(net.recipe).toEqual(recipeFor({ network }));
    expect(net.weightsHash).toBe(done.report.weightsHash);
    net.dispose();
    expect(await readFile(done.report.curve, 'utf8')).toContain(`${net.name}, published, 3 steps of 4 windows`);
  },
  120_000,
);

test('trainExpert trains DINet’s own network on logits and head crops, resumes, and is the same in chunks', async () => {
  const { frames, store } = await logitStore();
  const options = { store, network: 'dinet', width: 0.0625, steps: 3, pairsPerBatch: 6, heldOut: ['d'] } as const;
  const every = { checkpointEvery: 1, validateEvery: 0, workers: 0 };
  const before = tf.memory().numTensors;
  const whole = await run({ ...options, ...every, out: join(folder, 'dinet-whole') });
  const { report } = whole.at(-1) as Extract<TrainExpertEvent, { kind: 'done' }>;
  expect(report).toMatchObject({ steps: 3, samples: 18, trainingClips: 3, heldOutClips: 1 });
  expect(Number.isFinite(report.validation.auc)).toBe(true);
  const out = join(folder, 'dinet-stopped');
  await run({ ...options, ...every, out }, 2);
  const rest = await run({ ...options, ...every, out });
  expect((rest.at(-1) as Extract<TrainExpertEvent, { kind: 'done' }>).report.weightsHash).toBe(report.weightsHash);
  const chunked = await run({ ...options, ...every, chunk: 2, out: join(folder, 'dinet-chunked') });
  const losses = (events: TrainExpertEvent[]) =>
    events.flatMap((event) => (event.kind === 'step' ? [event.entry.loss] : []));
  // Rounding only: the network has no norms. Measured 1e-8.
  losses(chunked).forEach((loss, step) => expect(Math.abs(loss - losses(whole)[step])).toBeLessThan(1e-6));
  expect(tf.memory().numTensors).toBe(before);
  const net = await loadSyncNetwork(report.weights);
  expect(net.recipe.crop).toEqual({ kind: 'dinet', size: 64, upright: 'none', sampling: 'exact' });
  net.dispose();
  expect(frames).toBe(16);
}, 120_000);

/** Head crops of 64 pixels with logits, of noise. */
async function logitStore(): Promise<{ store: ClipStore; frames: number }> {
  const crop = { kind: 'dinet head', mouth: 64 } as const;
  const recipe = { crop, features: 'THESIS_MEL', stepsPerSecond: 80, bins: 80, fps: 25 } as const;
  const store = await ClipStore.create(join(folder, 'clips-logits'), recipe);
  const { height, width } = storedShape(crop);
  const frames = 16;
  for (const name of ['a', 'b', 'c', 'd']) {
    const random = new Random(5, name.charCodeAt(0));
    const noise = (length: number) => Float32Array.from({ length }, () => random.normal());
    await store.write({
      id: clipId(`${name}.mp4`, 0, 0),
      frames: Uint8Array.from({ length: frames * height * width * 3 }, () => random.integer(256)),
      frameCount: frames,
      height,
      width,
      audio: new Int16Array(frames * 640),
      features: { data: noise(53 * 80), steps: 53, bins: 80 },
      logits: { data: noise((frames + 4) * 29), steps: frames + 4, bins: 29 },
      landmarks: new Float32Array(frames * 136),
      poses: new Float32Array(frames * 4).fill(1),
      firstFrame: 0,
      score: 1,
      interpolated: 0,
    });
  }
  return { store, frames };
}

test('trainExpert refuses to contrast networks whose embeddings have no cosine', async () => {
  const store = await storeFor('syncnet');
  await expect(run({ store, network: 'syncnet', preset: 'contrast', out: join(folder, 'x') })).rejects.toThrow(
    'preset must be published for syncnet',
  );
});

test.each(['avalignnet', 'wav2lip'] as const)(
  'trainExpert trains %s on a store of head frames by a recipe with DINet’s mouth box of another size',
  async (network) => {
    const config = SMALL_RUN.choice.config as AVAlignNetConfig;
    const { frameCount, height: size, featureSteps } = config.input;
    const recipe: SyncRecipe = {
      ...recipeFor({ network: 'avalignnet', config }),
      crop: { kind: 'dinet', size, upright: 'median of five', sampling: 'exact' },
    };
    const store = await storeFor('avalignnet', config, {
      crop: { kind: 'dinet head', mouth: 64 },
      name: `head-${network}`,
    });
    const width = 0.03125;
    const options = {
      store,
      network,
      recipe,
      steps: 2,
      clipsPerBatch: 2,
      windowsPerClip: 2,
      heldOut: ['d'],
      validateEvery: 0,
      workers: 0,
    } as const;
    const before = tf.memory().numTensors;
    const events = await run({ ...options, width, config, out: join(folder, `head-${network}`) });
    expect(tf.memory().numTensors).toBe(before);
    const { report } = events.at(-1) as Extract<TrainExpertEvent, { kind: 'done' }>;
    expect(report).toMatchObject({ steps: 2, trainingClips: 3, heldOutClips: 1, validation: { clips: 1 } });
    for (const event of events) if (event.kind === 'step') expect(Number.isFinite(event.entry.loss)).toBe(true);
    if (network === 'wav2lip') {
      const net = await loadSyncNetwork(report.weights);
      expect(net.recipe).toEqual({ ...recipe, frameCount, featureSteps });
      net.dispose();
    }
  },
  120_000,
);

const built = existsSync(new URL('../../dist/replica-worker.js', import.meta.url));
test.skipIf(!built)(
  `trainExpert in replicas and chunks has the losses of one, and resumes where it was stopped to the same bytes${built ? '' : ' (skipped: not built)'}`,
  async () => {
    const { config } = SMALL_RUN.choice;
    const store = await storeFor('avalignnet', config);
    const options = {
      store,
      config,
      steps: 3,
      clipsPerBatch: 2,
      windowsPerClip: 3,
      heldOut: ['d'],
      checkpointEvery: 2,
      validateEvery: 0,
    } as const;
    const losses = (events: TrainExpertEvent[]) =>
      events.flatMap((event) => (event.kind === 'step' ? [event.entry.loss] : []));
    const hash = (events: TrainExpertEvent[]) =>
      (events.at(-1) as Extract<TrainExpertEvent, { kind: 'done' }>).report.weightsHash;
    const before = tf.memory().numTensors;
    const alone = await run({ ...options, out: join(folder, 'alone') });
    const divided = { ...options, replicas: 2, chunk: 2 };
    const whole = await run({ ...divided, out: join(folder, 'replicas') });
    // measured 6.2e-6 over three steps: replicas and chunks sum in another order
    losses(whole).forEach((loss, step) => expect(Math.abs(loss - losses(alone)[step])).toBeLessThan(1e-4));
    expect(whole.some((event) => event.kind === 'warning')).toBe(false);

    const out = join(folder, 'replicas-stopped');
    await run({ ...divided, out }, 2);
    for await (const event of trainExpert({ ...options, out })) {
      expect(event).toMatchObject({ kind: 'start', resumedAt: 2, replicas: 1 }); // another division may resume it, too
      break;
    }
    const rest = await run({ ...divided, out });
    expect(rest[0]).toMatchObject({ kind: 'start', resumedAt: 2, replicas: 2 });
    expect(hash(rest)).toBe(hash(whole));
    expect(tf.memory().numTensors).toBe(before);
  },
  240_000,
);

test('trainExpert warns of networks whose batch statistics the division changes, and refuses to resume their runs with another division', async () => {
  const store = await storeFor('wav2lip');
  const options = {
    store,
    network: 'wav2lip',
    width: 0.03125,
    steps: 3,
    clipsPerBatch: 2,
    windowsPerClip: 2,
    heldOut: ['d'],
    checkpointEvery: 1,
  } as const;
  const out = join(folder, 'statistics');
  const events = await run({ ...options, out, chunk: 2 }, 1);
  expect(events[1]).toMatchObject({
    kind: 'warning',
    text: expect.stringContaining('normalises by the statistics of the windows that are in the network together'),
  });
  await run({ ...options, out, chunk: 2 }, 2);
  await expect(run({ ...options, out })).rejects.toThrow('chunk was 2, is undefined; replicas was 1, is undefined');
  await expect(run({ ...options, out, replicas: 0 })).rejects.toThrow(
    'trainExpert: replicas must be a whole number above 0, got 0',
  );
});

const steps = (events: TrainExpertEvent[]) => events.flatMap((event) => (event.kind === 'step' ? [event.entry] : []));
const reportOf = (events: TrainExpertEvent[]) => (events.at(-1) as Extract<TrainExpertEvent, { kind: 'done' }>).report;
const warnings = (events: TrainExpertEvent[]) =>
  events.flatMap((event) => (event.kind === 'warning' ? [event.text] : []));

test('a finished run at a constant rate gets more steps, and ends as one run of so many', async () => {
  const store = await storeFor('wav2lip');
  const options = { store, network: 'wav2lip', preset: 'published', width: 0.03125, pairsPerBatch: 4 } as const;
  const every = { heldOut: ['d'], validateEvery: 0, workers: 0 };
  const out = join(folder, 'lengthened');
  await run({ ...options, ...every, steps: 2, out });
  const longer = await run({ ...options, ...every, steps: 4, out });
  expect(longer[0]).toMatchObject({ kind: 'start', resumedAt: 2, steps: 4 });
  expect(steps(longer).map(({ step }) => step)).toEqual([3, 4]);
  expect(warnings(longer)).toEqual([]);
  const whole = await run({ ...options, ...every, steps: 4, out: join(folder, 'lengthened-whole') });
  expect(reportOf(longer).weightsHash).toBe(reportOf(whole).weightsHash);
  expect(reportOf(longer).lengthened).toEqual([{ plannedSteps: 2, atStep: 2 }]);
  expect(reportOf(whole)).not.toHaveProperty('lengthened');
  await expect(run({ ...options, ...every, steps: 3, out })).rejects.toThrow('steps was 4, is 3');
}, 120_000);

test('a run whose schedule depends on its length says what becomes of it when it is lengthened', async () => {
  const { config } = SMALL_RUN.choice;
  const store = await storeFor('avalignnet', config);
  const options = { store, config, clipsPerBatch: 2, windowsPerClip: 3, heldOut: ['d'], validateEvery: 0, workers: 0 };
  const out = join(folder, 'lengthened-contrast');
  await run({ ...options, steps: 2, out });
  const longer = await run({ ...options, steps: 5, out });
  expect(warnings(longer)).toEqual([
    expect.stringMatching(
      /^the run was planned for 2 steps and was lengthened to 5 at step 2: the learning rate goes from \S+ to \S+, cross-entropy is blended in anew .* its result is not that of one run of 5 steps$/,
    ),
  ]);
  expect(reportOf(longer).lengthened).toEqual([{ plannedSteps: 2, atStep: 2 }]);
}, 120_000);

test('a run starts from weights: network, configuration and recipe are those of the file', async () => {
  const { config } = SMALL_RUN.choice;
  const store = await storeFor('avalignnet', config);
  const own: SyncRecipe = { ...recipeFor({ config }), range: [0, 1], loudness: 'none' };
  const net = buildNetwork({ config, recipe: own }, 99);
  const bytes = encodeSafetensors(await net.stateDict(), metadataOf(net));
  net.dispose();
  const init = join(folder, 'init.safetensors');
  await writeFile(init, bytes);
  const options = {
    store,
    steps: 1,
    clipsPerBatch: 2,
    windowsPerClip: 3,
    heldOut: ['d'],
    validateEvery: 0,
    workers: 0,
  };
  const still = await run({ ...options, init, learningRate: 1e-30, out: join(folder, 'init-still') });
  expect(still[0]).toMatchObject({ kind: 'start', init: expect.stringMatching(/^[0-9a-f]{64}$/) });
  const trained = await readWeights(reportOf(still).weights);
  expect(JSON.parse(trained.metadata.recipe)).toEqual(own);
  const [name] = [...trained.state.keys()];
  const wanted = (await readWeights(init)).state.get(name)?.data as Float32Array;
  // Averaged weights of one step at almost no rate: weight decay moves them by less than 1e-6 of a value.
  (trained.state.get(name) as { data: Float32Array }).data.forEach((value, i) =>
    expect(Math.abs(value - wanted[i])).toBeLessThan(1e-6),
  );
  const other = await run({
    ...options,
    init,
    out: join(folder, 'init-loud'),
    recipe: { ...own, loudness: SPEECH_LOUDNESS },
  });
  expect(JSON.parse((await readWeights(reportOf(other).weights)).metadata.recipe).loudness).toEqual(SPEECH_LOUDNESS);
}, 120_000);

test('a run that starts from weights refuses what contradicts them', async () => {
  const { config } = SMALL_RUN.choice;
  const store = await storeFor('avalignnet', config);
  const init = join(folder, 'init.safetensors');
  const start = (options: Partial<TrainExpertOptions>) =>
    run({ store, steps: 1, heldOut: ['d'], out: join(folder, 'init-refused'), init, ...options });
  await expect(start({ network: 'wav2lip' })).rejects.toThrow(
    'trainExpert: network must be avalignnet, as the weights in',
  );
  await expect(start({ config: LITE })).rejects.toThrow("trainExpert: config must be the file's, got another");
  const recipe: SyncRecipe = { ...recipeFor({ config }), range: [-1, 1] };
  await expect(start({ recipe })).rejects.toThrow(
    'trainExpert: recipe must be that of the weights (range [0,1]), got range [-1,1]',
  );
  const text = join(folder, 'lpips.safetensors');
  const tensor = (side: number) => ({
    dtype: 'float32' as const,
    shape: [1, side, 1, 1],
    data: new Float32Array(side),
  });
  await writeFile(
    text,
    encodeSafetensors(
      new Map([
        ['lin1.model.1.weight', tensor(192)],
        ['lin4.model.1.weight', tensor(256)],
      ]),
    ),
  );
  await expect(start({ init: text })).rejects.toThrow('trainExpert: init must be the weights of a sync network, got');
});
