import '@tensorflow/tfjs-backend-cpu';
import { existsSync } from 'node:fs';
import { Worker } from 'node:worker_threads';
import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, test } from 'vitest';
import type { ExchangeMemory } from './shared-exchange';
import { ExchangeStopped, exchangeMemory, SharedExchange } from './shared-exchange';

/** Threads run the built package: `pnpm build` makes it, as `npm test` does before. */
const dist = new URL('../../dist/index.js', import.meta.url);
const built = existsSync(dist);
const threaded = test.skipIf(!built);
const title = (text: string) => `${text}${built ? '' : ' (skipped: not built)'}`;

beforeAll(() => tf.setBackend('cpu'));

type Answer = { gathered?: number[][]; sums?: number[][]; error?: string };

/**
 * Runs `body`, with `exchange`, `rank` and `tf`, in a thread for each rank; stops the exchange when one ends before it
 * has answered.
 */
async function inThreads(memory: ExchangeMemory, body: string): Promise<Answer[]> {
  const own = new SharedExchange(memory, 0);
  const code = `
    const { parentPort, workerData: { memory, rank, dist, core, cpu } } = require('node:worker_threads');
    (async () => {
      const [{ SharedExchange }, tf] = await Promise.all([import(dist), import(core), import(cpu)]);
      await tf.setBackend('cpu');
      const exchange = new SharedExchange(memory, rank);
      try { parentPort.postMessage(await (async () => { ${body} })()); }
      catch (error) { parentPort.postMessage({ error: error.name + ': ' + error.message }); }
    })();`;
  const [core, cpu] = ['core', 'backend-cpu'].map((name) => import.meta.resolve(`@tensorflow/tfjs-${name}`));
  return Promise.all(
    Array.from({ length: memory.count }, (_, rank) => {
      const worker = new Worker(code, { eval: true, workerData: { memory, rank, dist: dist.href, core, cpu } });
      return new Promise<Answer>((resolve, reject) => {
        worker.once('message', resolve).once('error', reject);
        worker.once('exit', (status) => {
          own.stop();
          resolve({ error: `exit ${status}` });
        });
      });
    }),
  );
}

describe('SharedExchange', () => {
  threaded(title('gives every thread the values of all, in order of rank, again and again'), async () => {
    const answers = await inThreads(
      exchangeMemory({ count: 3, capacity: 8 }),
      `let gathered;
       for (let round = 0; round < 200; round++) {
         gathered = exchange.gather(Float32Array.from({ length: rank + 2 }, (_, i) => 100 * rank + i + round));
         for (let of = 0; of < 3; of++) if (gathered[of][0] !== 100 * of + round) throw new Error('round ' + round);
       }
       return { gathered: gathered.map((values) => [...values]) };`,
    );
    const expected = [0, 1, 2].map((rank) => Array.from({ length: rank + 2 }, (_, i) => 100 * rank + i + 199));
    for (const answer of answers) expect(answer).toEqual({ gathered: expected });
  });

  threaded(
    title('sums gradients over all threads, the same to the last bit in each, and leaves no tensor'),
    async () => {
      const answers = await inThreads(
        exchangeMemory({ count: 3, capacity: 7 }),
        `const gradients = new Map([['a', tf.tensor2d([[0.1, 1e8, rank], [1, 2, 3]])], ['b', tf.scalar(rank + 1)]]);
       const before = tf.memory().numTensors;
       for (let round = 0; round < 2; round++) await exchange.sum(gradients);
       if (tf.memory().numTensors !== before) throw new Error('tensors left');
       if (String(gradients.get('a').shape) !== '2,3') throw new Error('shape');
       return { sums: [...gradients.values()].map((gradient) => [...gradient.dataSync()]) };`,
      );
      const thrice = (x: number) => Math.fround(3 * Math.fround(3 * Math.fround(x)));
      const expected = [[thrice(0.1), thrice(1e8), 9, 9, 18, 27], [18]];
      for (const answer of answers) expect(answer).toEqual({ sums: expected });
    },
  );

  threaded(title('ends all waiting when a replica throws, and when its thread ends'), async () => {
    const thrown = await inThreads(
      exchangeMemory({ count: 2, capacity: 4 }),
      `if (rank === 1) { exchange.stop(); throw new Error('no more'); }
       exchange.gather(new Float32Array(1));`,
    );
    expect(thrown).toEqual([
      { error: 'ExchangeStopped: SharedExchange: all replicas must continue, got one that stopped' },
      { error: 'Error: no more' },
    ]);
    const gone = await inThreads(
      exchangeMemory({ count: 2, capacity: 4 }),
      `if (rank === 1) process.exit(7); exchange.gather(new Float32Array(1));`,
    );
    expect(gone[0].error).toContain('ExchangeStopped');
    expect(gone[1]).toEqual({ error: 'exit 7' });
  });

  test('waits no longer than its limit, and is stopped from then on', () => {
    const exchange = new SharedExchange(exchangeMemory({ count: 2, capacity: 4, timeoutSec: 0.05 }), 0);
    expect(() => exchange.gather(new Float32Array(1))).toThrow(
      'SharedExchange: the replicas must be all 2 here within 0.05 s, got 1 of them',
    );
    expect(exchange.stopped).toBe(true);
    expect(() => exchange.gather(new Float32Array(1))).toThrow(ExchangeStopped);
  });

  test('gives a single replica its own values', async () => {
    const exchange = new SharedExchange(exchangeMemory({ count: 1, capacity: 2 }), 0);
    expect(exchange.gather(Float32Array.of(1, 2))).toEqual([Float32Array.of(1, 2)]);
    const gradients = new Map<string, tf.Tensor>([['a', tf.tensor1d([3, 4])]]);
    await exchange.sum(gradients);
    expect([...gradients.get('a')!.dataSync()]).toEqual([3, 4]);
  });

  test('refuses more values than there is room for, and options that cannot work', async () => {
    const exchange = new SharedExchange(exchangeMemory({ count: 1, capacity: 2 }), 0);
    expect(() => exchange.gather(new Float32Array(3))).toThrow(
      'SharedExchange.gather: what is exchanged must be at most 2 values, got 3',
    );
    await expect(exchange.sum(new Map([['a', tf.zeros([3])]]))).rejects.toThrow(
      'SharedExchange.sum: what is exchanged must be at most 2 values, got 3',
    );
    expect(() => exchangeMemory({ count: 0, capacity: 1 })).toThrow(
      'exchangeMemory: count must be a whole number from 1, got 0',
    );
    expect(() => exchangeMemory({ count: 1, capacity: 1, timeoutSec: 0 })).toThrow('timeoutSec must be above 0');
    expect(() => new SharedExchange(exchangeMemory({ count: 2, capacity: 1 }), 2)).toThrow(
      'SharedExchange: rank must be from 0 to 1, got 2',
    );
  });
});
