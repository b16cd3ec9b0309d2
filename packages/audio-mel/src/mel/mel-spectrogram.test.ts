import { expect, test } from 'vitest';
import fixture from '../../fixtures/mel.json';
import { LATENTSYNC_MEL, THESIS_MEL, WAV2LIP_MEL } from './mel-recipe';
import { melSpectrogram } from './mel-spectrogram';

const bytes = (text: string) => Uint8Array.from(Buffer.from(text, 'base64'));
const floats = (text: string) => new Float32Array(bytes(text).buffer);
const difference = (a: Float32Array, b: Float32Array) =>
  a.reduce((most, x, i) => Math.max(most, Math.abs(x - b[i])), 0);

const speech = {
  samples: Float32Array.from(new Int16Array(bytes(fixture.samples).buffer), (value) => value / 32768),
  sampleRate: 16000,
};

test('THESIS_MEL equals torchaudio within 1e-4 on speech-like audio', () => {
  const mel = melSpectrogram(speech, THESIS_MEL);
  const reference = floats(fixture.thesis);
  expect([mel.steps, mel.bins, mel.data.length]).toEqual([80, 80, reference.length]);
  expect(difference(mel.data, reference)).toBeLessThan(6e-5); // measured 3.2e-5: torchaudio's own float32 rounding
});

test('WAV2LIP_MEL equals the formulas of librosa 0.7 in NumPy to float32 rounding, and torchaudio', () => {
  const mel = melSpectrogram(speech, WAV2LIP_MEL);
  expect(difference(mel.data, floats(fixture.wav2lip))).toBeLessThan(2e-6); // float32 steps at 4 are 4.8e-7
  expect(difference(mel.data, floats(fixture.thesis))).toBeLessThan(6e-5);
});

test('LATENTSYNC_MEL equals the formulas of librosa 0.10 in NumPy at both ends, and WAV2LIP_MEL between them', () => {
  const mel = melSpectrogram(speech, LATENTSYNC_MEL);
  const reference = floats(fixture.latentsyncEnds);
  expect(difference(mel.data.slice(0, 240), reference.slice(0, 240))).toBeLessThan(2e-6); // float32 steps at 4 are 4.8e-7
  expect(difference(mel.data.slice(-240), reference.slice(-240))).toBeLessThan(2e-6);
  expect(mel.data.slice(160, -160)).toEqual(melSpectrogram(speech, WAV2LIP_MEL).data.slice(160, -160));
});

test('the fixture has loud audio, digital silence and no value at the limit above', () => {
  const { data } = melSpectrogram(speech);
  expect(Math.min(...data)).toBe(-4);
  expect(Math.max(...data)).toBeGreaterThan(1);
});

test('zero padding equals torchaudio with pad_mode constant, and moves only the first and last two steps', () => {
  const mel = melSpectrogram(speech, { ...THESIS_MEL, padMode: 'zero' });
  const reference = floats(fixture.zeroPadEnds);
  // measured 1e-5 here and 4e-6 below: torchaudio's own float32 rounding, which reaches 3.2e-5 in the middle
  expect(difference(mel.data.slice(0, 240), reference.slice(0, 240))).toBeLessThan(6e-5);
  expect(difference(mel.data.slice(-240), reference.slice(-240))).toBeLessThan(6e-5);
  const mirrored = melSpectrogram(speech);
  expect(mel.data.slice(160, -160)).toEqual(mirrored.data.slice(160, -160));
  expect(difference(mel.data, mirrored.data)).toBeGreaterThan(0.01);
});

test('another recipe, with a window shorter than the transform, equals torchaudio', () => {
  const { n_fft, win, hop, bins, low, high } = fixture.other.recipe;
  const other = {
    fftSize: n_fft,
    winLength: win,
    hop,
    melBins: bins,
    minHz: low,
    maxHz: high,
    padMode: 'zero' as const,
  };
  const mel = melSpectrogram({ ...speech, samples: speech.samples.slice(0, 4000) }, { ...THESIS_MEL, ...other });
  expect([mel.steps, mel.bins]).toEqual([26, 24]);
  // measured 8.3e-6, torchaudio's rounding too
  expect(difference(mel.data, floats(fixture.other.mel))).toBeLessThan(6e-5);
});

test('silence is -4 everywhere and a full-scale tone stays below 4', () => {
  const silence = melSpectrogram({ samples: new Float32Array(1600), sampleRate: 16000 });
  expect(silence.steps).toBe(9);
  expect(silence.data.every((value) => value === -4)).toBe(true);
  const tone = Float32Array.from({ length: 1600 }, (_, n) => Math.sin((2 * Math.PI * 1000 * n) / 16000));
  expect(Math.max(...melSpectrogram({ samples: tone, sampleRate: 16000 }).data)).toBeLessThan(4);
});

test('ten times the amplitude adds 20 dB, which is 1.6', () => {
  const quiet = { ...speech, samples: speech.samples.map((value) => value / 16) };
  const loud = { ...speech, samples: quiet.samples.map((value) => value * 10) };
  const [a, b] = [melSpectrogram(quiet), melSpectrogram(loud)];
  const rises = [...a.data].flatMap((value, i) => (value > -4 ? [b.data[i] - value] : []));
  expect(rises.length).toBeGreaterThan(1000);
  expect(rises.every((rise) => Math.abs(rise - 1.6) < 1e-6)).toBe(true); // measured 1.4e-7
});

test('401 samples are the fewest that can be mirrored, one is enough for zeros', () => {
  const clip = (length: number) => ({ samples: speech.samples.slice(0, length), sampleRate: 16000 });
  expect(melSpectrogram(clip(401)).steps).toBe(3);
  expect(() => melSpectrogram(clip(400))).toThrow(
    'melSpectrogram: waveform must be at least 401 samples long (fftSize / 2 + 1, to be mirrored), got 400',
  );
  expect(() => melSpectrogram(clip(0))).toThrow(RangeError);
  expect(melSpectrogram(clip(1), { ...THESIS_MEL, padMode: 'zero' }).steps).toBe(1);
  expect(() => melSpectrogram(clip(0), { ...THESIS_MEL, padMode: 'zero' })).toThrow('at least 1 samples long');
});

test('melSpectrogram refuses another sample rate, samples that are not finite and what is no Float32Array', () => {
  expect(() => melSpectrogram({ ...speech, sampleRate: 44100 })).toThrow(
    "melSpectrogram: waveform.sampleRate must be the recipe's 16000 Hz (see resample), got 44100",
  );
  const samples = speech.samples.slice();
  samples[12345] = Number.NaN;
  expect(() => melSpectrogram({ samples, sampleRate: 16000 })).toThrow('finite, got NaN at sample 12345');
  samples[12345] = Number.NEGATIVE_INFINITY;
  expect(() => melSpectrogram({ samples, sampleRate: 16000 })).toThrow('finite, got -Infinity at sample 12345');
  const wrong = { samples: [0] as unknown as Float32Array, sampleRate: 16000 };
  expect(() => melSpectrogram(wrong)).toThrow('waveform.samples must be a Float32Array');
});
