import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import audio from '../../fixtures/mel.json';
import fixture from '../../fixtures/mfcc.json';
import { writeWav } from '../wav/write-wav';
import { MfccStream, mfcc } from './mfcc';

const bytes = (text: string) => Uint8Array.from(Buffer.from(text, 'base64'));
const doubles = (text: string) => new Float64Array(bytes(text).buffer);
const difference = (a: ArrayLike<number>, b: ArrayLike<number>) => {
  expect(a.length).toBe(b.length);
  return Array.from(a).reduce((most, value, i) => Math.max(most, Math.abs(value - b[i])), 0);
};
const speech = {
  samples: Float32Array.from(new Int16Array(bytes(audio.samples).buffer), (value) => value / 32768),
  sampleRate: 16000,
};

test('mfcc equals NumPy and SciPy on speech-like audio with digital silence, to float32 rounding', () => {
  const { data, steps, bins } = mfcc(speech);
  expect([steps, bins]).toEqual([fixture.steps, 13]);
  expect(difference(data, doubles(fixture.mfcc))).toBeLessThan(1e-5); // asked for: 1e-3
});

test('mfcc rounds samples to 16-bit integers and clips beyond full scale', () => {
  const loud = Float32Array.from({ length: 1300 }, (_, i) => (i < 700 ? -1.5 : i % 2 === 0 ? 0.99999 : -1));
  // measured 8.3e-7
  expect(difference(mfcc({ samples: loud, sampleRate: 16000 }).data, doubles(fixture.loud))).toBeLessThan(1e-5);
});

test('mfcc pads audio shorter than a frame, and floors frames without energy', () => {
  expect(
    difference(mfcc({ samples: speech.samples.slice(5000, 5100), sampleRate: 16000 }).data, doubles(fixture.short)),
  ).toBeLessThan(5e-6); // measured 4.2e-7
  const silence = mfcc({ samples: new Float32Array(1000), sampleRate: 16000 });
  // measured 1.8e-6; float32 steps at 36, a silent frame's value, are 3.8e-6
  expect(difference(silence.data, doubles(fixture.silence))).toBeLessThan(1e-5);
  expect(silence.data[0]).toBeCloseTo(Math.log(2.220446e-16), 4); // likewise
});

test('louder audio moves the first coefficient only', () => {
  const quiet = mfcc({
    samples: speech.samples.slice(4000, 8000).map((value) => Math.round(value * 16384) / 32768),
    sampleRate: 16000,
  });
  const loud = mfcc({
    samples: speech.samples.slice(4000, 8000).map((value) => Math.round(value * 16384) / 16384),
    sampleRate: 16000,
  });
  for (let step = 0; step < quiet.steps; step++) {
    // measured 9.6e-7: the difference of two float32 values
    expect(loud.data[13 * step] - quiet.data[13 * step]).toBeCloseTo(Math.log(4), 5);
    // measured 0
    for (let n = 1; n < 13; n++) expect(loud.data[13 * step + n]).toBeCloseTo(quiet.data[13 * step + n], 5);
  }
});

test.each([1, 7, 159, 160, 401, 5000])('MfccStream in pieces of %i equals mfcc of the whole, bit for bit', (length) => {
  const stream = new MfccStream();
  const parts: number[] = [];
  for (let at = 0; at < speech.samples.length; at += length)
    parts.push(...stream.push(speech.samples.slice(at, at + length)));
  parts.push(...stream.end());
  expect(Float32Array.from(parts)).toEqual(mfcc(speech).data);
});

test.each([399, 400, 401, 560, 561, 16000])('%i samples give 1 + ceil((N - 400) / 160) steps', (length) => {
  const { steps } = mfcc({ samples: new Float32Array(length), sampleRate: 16000 });
  expect(steps).toBe(length <= 400 ? 1 : 1 + Math.ceil((length - 400) / 160));
});

test('mfcc refuses other rates, empty audio, values that are not finite, and a stream that has ended', () => {
  expect(() => mfcc({ samples: new Float32Array(9), sampleRate: 8000 })).toThrow(
    'mfcc: waveform.sampleRate must be 16000 Hz',
  );
  expect(() => mfcc({ samples: new Float32Array(0), sampleRate: 16000 })).toThrow('at least one sample long, got none');
  expect(() => new MfccStream().push(Float32Array.of(0, Number.NaN))).toThrow(
    'MfccStream.push: samples must be finite, got NaN at 1',
  );
  const stream = new MfccStream();
  stream.push(new Float32Array(10));
  stream.end();
  expect(() => stream.push(new Float32Array(1))).toThrow('MfccStream.push: stream must be open');
});

const shared = process.env.LIPSYNC_SHARED ?? new URL('../../../../../shared', import.meta.url).pathname;
const clip = `${shared}/data/wild`;
const python = '/usr/bin/python3';
const can =
  existsSync(clip) && existsSync(python) && runs(python, ['-c', 'import scipy, numpy']) && runs('ffmpeg', ['-version']);
function runs(program: string, args: string[]): boolean {
  try {
    execFileSync(program, args, { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}
test.skipIf(!can)(
  `mfcc equals NumPy and SciPy on real speech${can ? '' : ' (skipped: needs shared/data, SciPy and ffmpeg)'}`,
  async () => {
    const { readdirSync } = await import('node:fs');
    const folder = mkdtempSync(join(tmpdir(), 'lipsync-mfcc-'));
    try {
      const video = readdirSync(clip)
        .filter((name) => /\.(mp4|avi|mkv)$/.test(name))
        .sort()[0];
      const raw = execFileSync(
        'ffmpeg',
        ['-v', 'error', '-i', `${clip}/${video}`, '-ac', '1', '-ar', '16000', '-f', 's16le', '-'],
        { maxBuffer: 1 << 26 },
      );
      const samples = Float32Array.from(new Int16Array(new Uint8Array(raw).buffer), (value) => value / 32768);
      writeFileSync(join(folder, 'speech.wav'), writeWav({ samples, sampleRate: 16000 }, { format: 'pcm16' }));
      const script = new URL('../../../../reference/audio-mel-mfcc.py', import.meta.url).pathname;
      const { data } = JSON.parse(
        execFileSync(python, [script, join(folder, 'speech.wav')], { encoding: 'utf8', maxBuffer: 1 << 28 }),
      ) as { data: number[] };
      // measured 1.9e-6: float32 steps at 36
      expect(difference(mfcc({ samples, sampleRate: 16000 }).data, data)).toBeLessThan(1e-5);
    } finally {
      rmSync(folder, { recursive: true });
    }
  },
);
