import { expect, test } from 'vitest';
import type { MelRecipe } from './mel-recipe';
import { THESIS_MEL } from './mel-recipe';
import { melSpectrogram } from './mel-spectrogram';
import { MelStream } from './mel-stream';

/** Repeatable noise, -0.5..0.5. */
function noise(length: number): Float32Array {
  let state = 12345;
  return Float32Array.from({ length }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32 - 0.5;
  });
}

function stream(samples: Float32Array, pieceLengths: number[], recipe: MelRecipe): Float32Array {
  const mel = new MelStream(recipe);
  const parts: Float32Array[] = [];
  for (let at = 0, i = 0; at < samples.length; i++) {
    const length = pieceLengths[i % pieceLengths.length];
    parts.push(mel.push(samples.subarray(at, at + length)));
    at += length;
  }
  parts.push(mel.end());
  const out = new Float32Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    out.set(part, at);
    at += part.length;
  }
  return out;
}

const RECIPES: [string, MelRecipe][] = [
  ['reflect', THESIS_MEL],
  ['zero', { ...THESIS_MEL, padMode: 'zero' }],
  ['hop longer than the transform', { ...THESIS_MEL, fftSize: 320, winLength: 256, hop: 500 }],
];

test.each(RECIPES)('MelStream equals melSpectrogram bit for bit, for any pieces (%s)', (_, recipe) => {
  const samples = noise(20011);
  const whole = melSpectrogram({ samples, sampleRate: 16000 }, recipe).data;
  for (const pieces of [[1], [20011], [7, 0, 1, 399], [400], [401], [640], [6399, 1, 6401], [0, 12000]]) {
    expect(Buffer.compare(Buffer.from(stream(samples, pieces, recipe).buffer), Buffer.from(whole.buffer))).toBe(0);
  }
});

test.each(RECIPES)('short clips of every length around the edges are equal too (%s)', (_, recipe) => {
  for (const length of [401, 402, 599, 600, 601, 799, 800, 801, 999, 1000, 1001]) {
    const samples = noise(length);
    const whole = melSpectrogram({ samples, sampleRate: 16000 }, recipe).data;
    expect(stream(samples, [50, 351, 3], recipe)).toEqual(whole);
  }
});

test('a step is returned as soon as its last sample is known', () => {
  const mel = new MelStream();
  expect(mel.push(new Float32Array(400)).length).toBe(0);
  expect(mel.push(new Float32Array(1)).length).toBe(80); // step 0 needs 400 samples and one to mirror
  expect(mel.push(new Float32Array(198)).length).toBe(0);
  expect(mel.push(new Float32Array(1)).length).toBe(80);
});

test('a minute of audio in pieces of a second gives 80 steps per second and one more', () => {
  const mel = new MelStream();
  const piece = noise(16000);
  let steps = 0;
  for (let second = 0; second < 60; second++) steps += mel.push(piece).length / 80;
  steps += mel.end().length / 80;
  expect(steps).toBe(4801);
});

test('MelStream refuses too little audio, use after the end, and what is no Float32Array', () => {
  const short = new MelStream();
  short.push(new Float32Array(400));
  expect(() => short.end()).toThrow('MelStream: waveform must be at least 401 samples long');
  expect(() => short.push(new Float32Array(1))).toThrow('MelStream.push: stream must be open');
  expect(() => short.end()).toThrow('MelStream.end: stream must be open');
  expect(() => new MelStream().push([1] as unknown as Float32Array)).toThrow('samples must be a Float32Array');
  expect(() => new MelStream({ ...THESIS_MEL, hop: 0 })).toThrow('MelStream: recipe.hop');
});
