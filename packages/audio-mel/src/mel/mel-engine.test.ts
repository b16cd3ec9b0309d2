import { expect, test } from 'vitest';
import { MelEngine } from './mel-engine';
import { THESIS_MEL } from './mel-recipe';

test('stepsAfter and stepsAtEnd give the number of steps written, for every length around the first steps', () => {
  for (let length = 401; length < 1300; length += 13) {
    const engine = new MelEngine('test', THESIS_MEL);
    const out = new Float32Array(20 * 80).fill(99);
    const before = engine.stepsAfter(length);
    engine.feed(new Float32Array(length).fill(0.1), out, 0);
    expect(engine.stepsAfter(0)).toBe(0);
    expect(out.indexOf(99)).toBe(before * 80);
    const rest = engine.stepsAtEnd();
    engine.finish(out, before * 80);
    expect(before + rest).toBe(engine.totalSteps(length));
    expect(out.indexOf(99)).toBe((before + rest) * 80);
  }
});

test('a hop longer than the transform works and equals every fourth step of a shorter one', () => {
  const samples = Float32Array.from({ length: 9000 }, (_, n) => Math.sin(n * n * 0.01));
  const run = (hop: number) => {
    const engine = new MelEngine('test', { ...THESIS_MEL, hop });
    const out = new Float32Array(engine.totalSteps(samples.length) * 80);
    const before = engine.stepsAfter(samples.length);
    engine.feed(samples, out, 0);
    engine.finish(out, before * 80);
    return out;
  };
  const [wide, narrow] = [run(1000), run(250)];
  expect(wide.length).toBe(10 * 80);
  for (let step = 0; step < 10; step++) {
    expect(wide.slice(step * 80, (step + 1) * 80)).toEqual(narrow.slice(step * 320, step * 320 + 80));
  }
});

test('a sample that is not finite is named by its place in the whole', () => {
  const engine = new MelEngine('test', THESIS_MEL);
  engine.feed(new Float32Array(100), new Float32Array(80), 0);
  expect(() => engine.feed(Float32Array.of(0, Number.NaN), new Float32Array(80), 0)).toThrow('NaN at sample 101');
});

test('memory stays constant over a minute of audio: old samples are dropped', () => {
  const engine = new MelEngine('test', THESIS_MEL);
  const piece = new Float32Array(16000).fill(0.1);
  const out = new Float32Array(81 * 80);
  let most = 0;
  for (let second = 0; second < 60; second++) {
    engine.feed(piece, out, 0);
    most = Math.max(most, engine.keptSamples);
  }
  expect(most).toBeLessThan(2000);
});
