import { describe, expect, test } from 'vitest';
import fixture from '../../fixtures/lsp-mel.json';
import { LspMelStream, lspMel } from './lsp-mel';

const bytes = (text: string) => Uint8Array.from(Buffer.from(text, 'base64')).buffer;
const samples = Float32Array.from(new Int16Array(bytes(fixture.samples)), (value) => value / 32768);
const waveform = (length: number) => ({ samples: samples.slice(0, length), sampleRate: 16000 });

test('lspMel equals the published formulas in NumPy to float32 rounding', () => {
  const mel = lspMel(waveform(samples.length));
  expect([mel.steps, mel.bins]).toEqual([fixture.steps, 80]);
  const rows = new Float64Array(bytes(fixture.rows));
  let largest = 0;
  for (const [at, step] of fixture.kept.entries()) {
    for (let bin = 0; bin < 80; bin++) {
      largest = Math.max(largest, Math.abs(mel.data[step * 80 + bin] - rows[at * 80 + bin]));
    }
  }
  expect(Math.max(...rows)).toBeGreaterThan(0.6);
  expect(largest).toBeLessThan(1e-7); // of values up to 0.9, a step of float32 is 6e-8; measured 3e-8
});

test('lspMel has two steps for each whole video frame, rounded as the reference rounds', () => {
  const steps = (length: number) => lspMel({ samples: new Float32Array(length), sampleRate: 16000 }).steps;
  // 32800 samples are 123 frames, of which the reference's arithmetic leaves 122
  expect([0, 266, 267, 533, 534, 16000, 32800].map(steps)).toEqual([0, 0, 2, 2, 4, 120, 244]);
});

test('lspMel of silence is 0, and of a tone of full scale about 1 at most', () => {
  expect(lspMel({ samples: new Float32Array(1600), sampleRate: 16000 }).data.every((value) => value === 0)).toBe(true);
  const tone = Float32Array.from({ length: 1600 }, (_, n) => Math.sin((2 * Math.PI * 1000 * n) / 16000));
  const most = Math.max(...lspMel({ samples: tone, sampleRate: 16000 }).data);
  expect(most).toBeGreaterThan(0.9);
  expect(most).toBeLessThan(1.1);
});

test('a step does not depend on the last 66 samples of its window', () => {
  const clip = samples.slice(4000, 4267);
  const changed = clip.slice();
  changed.fill(0.5, 200, 266);
  const first = lspMel({ samples: clip, sampleRate: 16000 }).data.slice(0, 80);
  expect(lspMel({ samples: changed, sampleRate: 16000 }).data.slice(0, 80)).toEqual(first);
  changed[199] += 0.1;
  expect(lspMel({ samples: changed, sampleRate: 16000 }).data.slice(0, 80)).not.toEqual(first);
});

test.each([[[1]], [[266, 1]], [[133]], [[7, 0, 1, 399]], [[16000]], [[4096, 3]]])(
  'LspMelStream in pieces of %j gives the bits of lspMel',
  (lengths) => {
    for (const length of [0, 199, 267, 401, 3217, 5400]) {
      const stream = new LspMelStream();
      const parts: number[] = [];
      for (let at = 0, i = 0; at < length; at += lengths[i++ % lengths.length]) {
        const end = Math.min(length, at + lengths[i % lengths.length]);
        parts.push(...stream.push(samples.slice(at, end)));
      }
      parts.push(...stream.end());
      expect(Float32Array.from(parts)).toEqual(lspMel(waveform(length)).data);
    }
  },
);

test('LspMelStream returns a step as soon as it is certain', () => {
  const stream = new LspMelStream();
  expect(stream.push(new Float32Array(266)).length).toBe(0); // no whole video frame yet
  expect(stream.push(new Float32Array(1)).length).toBe(80); // step 1 needs sample 332
  expect(stream.push(new Float32Array(66)).length).toBe(80);
  expect(stream.end().length).toBe(0);
});

describe('lspMel refuses', () => {
  test('other rates, samples that are not finite, and samples after the end', () => {
    expect(() => lspMel({ samples, sampleRate: 44100 })).toThrow(
      'lspMel: waveform.sampleRate must be 16000 Hz (see resample), got 44100',
    );
    const wrong = samples.slice(0, 600);
    wrong[77] = Number.NaN;
    expect(() => lspMel({ samples: wrong, sampleRate: 16000 })).toThrow('finite, got NaN at sample 77');
    const stream = new LspMelStream();
    stream.end();
    expect(() => stream.push(samples)).toThrow('LspMelStream.push: stream must be open, got one that has ended');
    expect(() => stream.end()).toThrow('LspMelStream.end: stream must be open');
  });
});
