import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { Worker } from 'node:worker_threads';
import { selectBackend } from '@lipsync/backends';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { LocalTrainer, type TrainerSetup, type TrainerState } from '../step/expert-trainer';
import { plainContrastBatch, SMALL_RUN } from '../testing/small-run';
import { ReplicaTrainer } from './replica-trainer';

/** What was sent to threads, and by which of them. */
const sent = vi.spyOn(Worker.prototype, 'postMessage');
afterAll(() => sent.mockRestore());

/** Threads run the built program: `pnpm build` makes it, as `npm test` does before. */
const built = existsSync(new URL('../../dist/replica-worker.js', import.meta.url));
const threaded = test.skipIf(!built);
const title = (text: string) => `${text}${built ? '' : ' (skipped: not built)'}`;

beforeAll(() => selectBackend({ backend: 'wasm', threads: 1 }));

const ROWS = 9; // does not divide by two
const STEPS = 5;
const LONG = 240_000; // seconds where the machine is idle

/** Steps over several batches and through the ramp of the cross-entropy. */
async function losses(trainer: LocalTrainer | ReplicaTrainer, from = 0, to = STEPS): Promise<number[]> {
  const all = [];
  for (let step = from; step < to; step++) {
    const batch = plainContrastBatch(ROWS, 1 + (step % 2));
    all.push((await trainer.step(batch, { learningRate: 1e-3, progress: step / STEPS })).loss);
  }
  return all;
}

async function replicas(setup: TrainerSetup = SMALL_RUN, count = 2): Promise<ReplicaTrainer> {
  const network = new LocalTrainer(setup);
  const { embeddingSize } = network.net;
  const parameters = network.net.parameterCount();
  await network.dispose();
  return ReplicaTrainer.start({ setup, count, rows: ROWS, network: { embeddingSize, parameters } });
}

const largestDifference = (a: number[], b: number[]) => Math.max(...a.map((x, i) => Math.abs(x - b[i])));

threaded(
  title('ReplicaTrainer takes the steps of one trainer, with equal copies, the same bytes each time, from any step on'),
  async () => {
    const alone = new LocalTrainer(SMALL_RUN);
    const expected = await losses(alone);
    await alone.dispose();

    const first = await replicas();
    expect(first.backend).toContain('wasm');
    const before = await losses(first, 0, 3);
    const half = await first.state();
    const own = [...before, ...(await losses(first, 3))];
    // measured 3.3e-6 over five steps: gradients are summed in another order
    expect(largestDifference(own, expected)).toBeLessThan(2e-5);
    const hashes = await first.hashes();
    expect(hashes[1]).toBe(hashes[0]);
    const state = await first.state();
    await first.dispose();

    const again = await replicas();
    expect(await losses(again)).toEqual(own);
    expect(await again.hashes()).toEqual(hashes);
    await again.dispose();

    const resumed = await replicas();
    await resumed.load(half);
    expect(await losses(resumed, 3)).toEqual(own.slice(3));
    expect(await resumed.hashes()).toEqual(hashes);
    expect(hashOf(await resumed.state())).toBe(hashOf(state));
    await resumed.dispose();
  },
  LONG,
);

threaded(
  title('ReplicaTrainer takes them in chunks too, and with three threads'),
  async () => {
    const alone = new LocalTrainer(SMALL_RUN);
    const expected = await losses(alone);
    await alone.dispose();
    const trainer = await replicas({ ...SMALL_RUN, chunk: 2 }, 3);
    expect(largestDifference(await losses(trainer), expected)).toBeLessThan(1e-4); // measured 1.2e-5
    const hashes = await trainer.hashes();
    expect(new Set(hashes).size).toBe(1);
    await trainer.dispose();
    await expect(trainer.weights()).rejects.toThrow(
      'ReplicaTrainer: trainer must be in use, got one that was disposed',
    );
  },
  LONG,
);

threaded(
  title('ReplicaTrainer throws what a replica threw, or that it ended, and never waits for it'),
  async () => {
    const order = { learningRate: 1e-3, progress: 0 };
    const refused = await replicas();
    const bad = { ...plainContrastBatch(ROWS), clips: [0] };
    await expect(refused.step(bad, order)).rejects.toThrow(`the clip index of each of the ${ROWS} rows, got 1 of them`);
    await expect(refused.state()).rejects.toThrow('the clip index'); // it stays failed
    await refused.dispose();

    const killed = await replicas();
    await killed.hashes();
    const [last] = sent.mock.contexts.slice(-1) as Worker[];
    const step = killed.step(plainContrastBatch(ROWS), order);
    // What a native fault or a want of memory would do, to one of them only.
    await last.terminate();
    await expect(step).rejects.toThrow('ReplicaTrainer: replica 1 must live, got exit status 1');
    await killed.dispose();
    await expect(replicas(SMALL_RUN, ROWS + 1)).rejects.toThrow(
      'ReplicaTrainer: count must be at most the windows of a batch (9), got 10',
    );
  },
  LONG,
);

/** One hash of all that a checkpoint holds of a trainer. */
function hashOf({ model, optimizer, ema }: TrainerState): string {
  const hash = createHash('sha256');
  for (const arrays of [model, optimizer.expAvg, optimizer.expAvgSq, ema!])
    for (const { data } of arrays.values()) hash.update(data as Float32Array);
  return hash.digest('hex');
}
