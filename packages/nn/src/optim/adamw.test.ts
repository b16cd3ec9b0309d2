import '@tensorflow/tfjs-backend-cpu';
import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, test } from 'vitest';
import type { Parameter } from '../module/module';
import { type Numbers, readFixture, relativeDifference, tensorOf } from '../testing/torch-case';
import { AdamW } from './adamw';

type Named = Record<string, Numbers>;
type Run = {
  options: {
    lr: number;
    betas?: [number, number];
    eps?: number;
    weight_decay?: number;
    only: string[] | null;
    schedule: number[] | null;
  };
  steps: Named[];
  expAvg: Named;
  expAvgSq: Named;
};
const { start, gradients, runs } = readFixture<{ start: Named; gradients: Named[]; runs: Run[] }>('adamw');

const parametersOf = (values: Named): Map<string, Parameter> =>
  new Map(
    Object.entries(values).map(([name, value]) => [name, { variable: tf.variable(tensorOf(value)), layout: 'same' }]),
  );
const gradientsOf = (values: Named) => new Map(Object.entries(values).map(([name, value]) => [name, tensorOf(value)]));

describe('AdamW', () => {
  beforeAll(() => tf.setBackend('cpu'));

  test.each(runs.map((run) => [JSON.stringify(run.options), run] as const))(
    'takes ten steps as torch.optim.AdamW: %s',
    async (_, run) => {
      const { lr, betas, eps, weight_decay: weightDecay, only, schedule } = run.options;
      const parameters = parametersOf(start);
      const optimizer = new AdamW(parameters, {
        learningRate: lr,
        betas,
        epsilon: eps,
        weightDecay,
        decayOneDimensional: only === null,
      });
      const seen: Record<string, Float32Array>[] = [];
      gradients.forEach((gradient, i) => {
        if (schedule) optimizer.learningRate = schedule[i];
        optimizer.step(gradientsOf(gradient));
        seen.push(
          Object.fromEntries(
            [...parameters].map(([name, { variable }]) => [name, variable.dataSync().slice() as Float32Array]),
          ),
        );
      });
      [0, 4, 9].forEach((step, i) => {
        for (const [name, { data }] of Object.entries(run.steps[i])) {
          expect(relativeDifference(seen[step][name], data)).toBeLessThan(5e-7); // measured 1.1e-7
        }
      });
      const { step, expAvg, expAvgSq } = await optimizer.state();
      expect(step).toBe(10);
      for (const name of Object.keys(start)) {
        // measured 1.1e-7
        expect(relativeDifference(expAvg.get(name)?.data as Float32Array, run.expAvg[name].data)).toBeLessThan(1e-6);
        // measured 2.9e-7
        expect(relativeDifference(expAvgSq.get(name)?.data as Float32Array, run.expAvgSq[name].data)).toBeLessThan(
          1e-6,
        );
      }
    },
  );

  test('resumes from its state to bitwise the same weights', async () => {
    const take = (optimizer: AdamW, from: number, to: number) =>
      gradients.slice(from, to).forEach((gradient) => optimizer.step(gradientsOf(gradient)));
    const straight = parametersOf(start);
    take(new AdamW(straight, { learningRate: 0.01 }), 0, 10);

    const halted = parametersOf(start);
    const first = new AdamW(halted, { learningRate: 0.01 });
    take(first, 0, 5);
    const second = new AdamW(halted, { learningRate: 0.01 });
    second.loadState(await first.state());
    expect(second.stepCount).toBe(5);
    take(second, 5, 10);
    for (const [name, { variable }] of straight) {
      expect(halted.get(name)?.variable.dataSync()).toEqual(variable.dataSync());
    }
  });

  test('undoes steps by a snapshot, which frees its tensors on dispose', async () => {
    const parameters = parametersOf(start);
    const optimizer = new AdamW(parameters, { learningRate: 0.01 });
    optimizer.step(gradientsOf(gradients[0]));
    const state = await optimizer.state();
    const gradient = gradientsOf(gradients[1]);
    const before = tf.memory().numTensors;
    const snapshot = optimizer.snapshot();
    optimizer.step(gradient);
    expect((await optimizer.state()).expAvg).not.toEqual(state.expAvg);
    snapshot.restore();
    expect(await optimizer.state()).toEqual(state);
    snapshot.dispose();
    snapshot.dispose();
    expect(tf.memory().numTensors).toBe(before);
  });

  test('owns two tensors for each parameter, no more after steps and none after dispose', () => {
    const parameters = parametersOf(start);
    const gradient = gradientsOf(gradients[0]);
    const before = tf.memory().numTensors;
    const optimizer = new AdamW(parameters, { learningRate: 0.01 });
    for (let i = 0; i < 3; i++) optimizer.step(gradient);
    expect(tf.memory().numTensors).toBe(before + 4);
    optimizer.dispose();
    optimizer.dispose();
    expect(tf.memory().numTensors).toBe(before);
  });

  test('refuses missing and unknown gradients, invalid options and the state of another optimiser, without changes', () => {
    const parameters = parametersOf(start);
    const optimizer = new AdamW(parameters, { learningRate: 0.01 });
    expect(() => optimizer.step(new Map([['other', tf.scalar(0)]]))).toThrow(
      'AdamW.step: gradients must be one for each of the 2 parameters, got 2 missing: weight, bias; 1 unknown: other',
    );
    expect(optimizer.stepCount).toBe(0);
    expect(() => new AdamW(parameters, { learningRate: -1 })).toThrow(
      'AdamW: learningRate must be a finite number from 0, got -1',
    );
    expect(() => new AdamW(parameters, { learningRate: 1, betas: [0.9, 1] })).toThrow(/betas/);
    expect(() => optimizer.loadState({ step: 1, expAvg: new Map(), expAvgSq: new Map() })).toThrow(
      /2 missing: weight, bias/,
    );
  });
});
