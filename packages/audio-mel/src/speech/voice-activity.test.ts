import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import fixture from '../../fixtures/voice-activity.json';
import type { MadeAudio } from '../testing/made-speech';
import { BURSTS, madeAudio, white } from '../testing/made-speech';
import { changeGain } from '../waveform/change-gain';
import { type VoiceActivityOptions, voiceActivity } from './voice-activity';

const speechIn = (
  samples: Float32Array,
  { sampleRate = 16000, ...options }: VoiceActivityOptions & { sampleRate?: number } = {},
) => voiceActivity({ samples, sampleRate }, options);
const text = (flags: Uint8Array) => Array.from(flags).join('');
const share = (flags: Uint8Array) => flags.reduce((sum, flag) => sum + flag, 0) / flags.length;

/** First and last + 1 of each stretch of flags. */
function stretches(flags: Uint8Array): [number, number][] {
  return [...text(flags).matchAll(/1+/g)].map((found) => [found.index, found.index + found[0].length]);
}

test.each(fixture.cases)(
  'voiceActivity equals NumPy on $kind at $snr dB, $rate Hz, $fps flags per second',
  ({ kind, snr, rate, fps, flags }) => {
    expect(text(speechIn(madeAudio(kind as MadeAudio, snr, rate), { sampleRate: rate, fps }))).toBe(flags);
  },
);

test.each([40, 20, 10, 5])('bursts at %d dB are found, their edges within two frames, and nothing else', (snr) => {
  const found = stretches(speechIn(madeAudio('speech', snr, 16000)));
  const bursts = [BURSTS[0], [BURSTS[1][0], BURSTS[2][1]], BURSTS[3]]; // the 60 ms between two of them are a closure
  expect(found).toHaveLength(bursts.length);
  for (const [i, [from, to]] of bursts.entries()) {
    expect(Math.abs(found[i][0] - from * 25)).toBeLessThanOrEqual(2);
    expect(Math.abs(found[i][1] - to * 25)).toBeLessThanOrEqual(2);
  }
});

test.each([10, -20, -30, -40])('speech changed by %d dB has the same flags', (gainDb) => {
  const samples = madeAudio('speech', 20, 16000);
  expect(text(speechIn(changeGain(samples, gainDb)))).toBe(text(speechIn(samples)));
});

test('at 0 dB most of each burst is found and nothing else', () => {
  const found = speechIn(madeAudio('speech', 0, 16000));
  let hits = 0;
  for (const [i, flag] of found.entries()) {
    const near = BURSTS.some(([from, to]) => i >= from * 25 - 2 && i < to * 25 + 2);
    if (flag) expect(near).toBe(true);
    hits += flag;
  }
  expect(hits / (BURSTS.reduce((sum, [from, to]) => sum + to - from, 0) * 25)).toBeGreaterThan(0.75);
});

test.each([
  [0.1, 0.0003],
  [0.01, 0.00003],
  [0.1, 0.03],
])('even pulses of %d over noise of %d are found from the first to the last', (level, grain) => {
  const noise = white(64000, 7);
  const flags = speechIn(
    Float32Array.from(noise, (value, i) => {
      const t = i / 16000;
      let voice = 0;
      if (t >= 0.5 && t < 3.5 && (t - 0.5) % 0.55 < 0.3)
        for (let k = 1; k < 20; k++) voice += Math.sin(2 * Math.PI * 140 * k * t) / k;
      return level * voice + grain * value;
    }),
  );
  expect(Math.abs(flags.indexOf(1) - 12)).toBeLessThanOrEqual(2);
  expect(Math.abs(flags.lastIndexOf(1) - 86)).toBeLessThanOrEqual(2);
});

test.each(['silence', 'noise', 'dark noise', 'hum', 'hiss'] as const)('%s is inactive', (kind) => {
  expect(share(speechIn(madeAudio(kind, 20, 16000)))).toBe(0);
});

test('a hundred seconds of noise are inactive, at any level', () => {
  for (const level of [1, 0.01, 1e-4]) {
    expect(share(speechIn(Float32Array.from(white(1600000, 9), (value) => level * value)))).toBe(0);
  }
});

test('flags do not depend on the level of the audio', () => {
  const audio = madeAudio('speech', 20, 16000);
  const flags = speechIn(audio);
  for (const gain of [4, 0.05]) expect(speechIn(audio.map((value) => value * gain))).toEqual(flags);
});

test.each([
  [0, 0],
  [639, 0],
  [640, 1],
  [1279, 1],
  [16000, 25],
])('%d samples give %d flags', (samples, flags) => {
  expect(speechIn(new Float32Array(samples))).toHaveLength(flags);
});

test('a higher or lower threshold, and a longer hop, find the same bursts in clean audio', () => {
  const audio = madeAudio('speech', 40, 16000);
  for (const options of [{ threshold: 1 }, { threshold: 0.2 }, { hopSamples: 320 }]) {
    expect(stretches(speechIn(audio, options))).toHaveLength(3);
  }
});

test('voiceActivity refuses rates, hops, thresholds and samples out of range', () => {
  const audio = new Float32Array(100);
  expect(() => speechIn([0] as never)).toThrow('voiceActivity: waveform.samples must be a Float32Array');
  expect(() => speechIn(audio, { sampleRate: 4000 })).toThrow(
    'voiceActivity: waveform.sampleRate must be a whole number from 8000 to 384000, got 4000',
  );
  expect(() => speechIn(audio, { fps: 0 })).toThrow('voiceActivity: fps must be above 0 and at most 200, got 0');
  expect(() => speechIn(audio, { hopSamples: 641 })).toThrow('hopSamples must be an integer from 1 to 640');
  expect(() => speechIn(audio, { threshold: 0 })).toThrow('threshold must be above 0');
  expect(() => speechIn(Float32Array.of(0, NaN))).toThrow('waveform.samples must be finite, got NaN at sample 1');
});

const clips = `${process.env.LIPSYNC_SHARED ?? new URL('../../../../../shared', import.meta.url).pathname}/data/grid/s1`;
const python = '/usr/bin/python3';
const runs = (program: string, args: string[]) => {
  try {
    execFileSync(program, args, { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
};
const can =
  existsSync(clips) && existsSync(python) && runs(python, ['-c', 'import numpy']) && runs('ffmpeg', ['-version']);
test.skipIf(!can)(
  `voiceActivity equals NumPy on GRID and leaves its ends silent${can ? '' : ' (skipped: needs shared/data, NumPy and ffmpeg)'}`,
  () => {
    const folder = mkdtempSync(join(tmpdir(), 'lipsync-voice-'));
    try {
      const names = readdirSync(clips)
        .filter((name) => name.endsWith('.mpg'))
        .sort()
        .slice(0, 3);
      for (const name of names) {
        const raw = execFileSync('ffmpeg', [
          '-v',
          'error',
          '-i',
          join(clips, name),
          '-ac',
          '1',
          '-ar',
          '16000',
          '-f',
          's16le',
          '-',
        ]);
        writeFileSync(join(folder, 'a.raw'), raw);
        const script = new URL('../../../../reference/audio-mel-voice-activity.py', import.meta.url).pathname;
        const expected = execFileSync(python, [script, join(folder, 'a.raw')], { encoding: 'utf8' }).trim();
        const flags = speechIn(Float32Array.from(new Int16Array(new Uint8Array(raw).buffer), (value) => value / 32768));
        expect(text(flags)).toBe(expected);
        expect(share(flags)).toBeGreaterThan(0.3);
        expect(share(flags)).toBeLessThan(0.7);
        expect(flags[flags.length - 1]).toBe(0);
      }
    } finally {
      rmSync(folder, { recursive: true });
    }
  },
);
