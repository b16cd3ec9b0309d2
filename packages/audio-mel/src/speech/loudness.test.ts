import { SPEECH_LOUDNESS } from '@lipsync/contracts';
import { expect, test } from 'vitest';
import { audioFeatures } from '../audio-features';
import { madeAudio } from '../testing/made-speech';
import { changeGain } from '../waveform/change-gain';
import { loudnessGain, RunningLoudness } from './loudness';
import { speechLevel } from './speech-level';

const speech = () => madeAudio('speech', 60, 16000);
const levelOf = (samples: Float32Array) => speechLevel({ samples, sampleRate: 16000 });
const brought = (samples: Float32Array) => changeGain(samples, loudnessGain(SPEECH_LOUDNESS, levelOf(samples)));

test('loudnessGain brings speech to its level, up to the largest gain; silence and the rule none stay', () => {
  const { levelDb, mostGainDb } = SPEECH_LOUDNESS;
  expect(loudnessGain(SPEECH_LOUDNESS, levelDb - 7)).toBe(7);
  expect(loudnessGain(SPEECH_LOUDNESS, -3)).toBe(levelDb + 3);
  expect(loudnessGain(SPEECH_LOUDNESS, levelDb - mostGainDb - 4)).toBe(mostGainDb);
  expect(loudnessGain(SPEECH_LOUDNESS, undefined)).toBe(0);
  expect([loudnessGain('none', -50), loudnessGain(undefined, -50)]).toEqual([0, 0]);
  expect(levelOf(brought(speech()))).toBeCloseTo(levelDb, 6); // measured 4.3e-9
});

test.each([6, -10, -20, -30])(
  'the mel of speech that was changed by %d dB is the same to 1e-4 once brought to its level',
  (gainDb) => {
    const mel = (samples: Float32Array) =>
      audioFeatures('THESIS_MEL').compute({ samples: brought(samples), sampleRate: 16000 }).data;
    const [plain, changed] = [mel(speech()), mel(changeGain(speech(), gainDb))];
    // measured 2e-5: near the floor of the mel, a gain of 30 dB and back rounds each sample twice
    expect(Math.max(...plain.map((value, i) => Math.abs(value - changed[i])))).toBeLessThan(1e-4);
  },
);

test('RunningLoudness returns every sample once, whatever the pieces, and reaches the level of the whole clip', () => {
  const samples = changeGain(Float32Array.from([...speech(), ...speech(), ...speech()]), -25);
  const scaled = (length: number) => {
    const running = new RunningLoudness(SPEECH_LOUDNESS);
    const out: number[] = [];
    for (let at = 0; at < samples.length; at += length) out.push(...running.push(samples.subarray(at, at + length)));
    return Float32Array.from([...out, ...running.end()]);
  };
  const [a, b] = [scaled(777), scaled(16000)];
  expect(a).toEqual(b);
  expect(a.length).toBe(samples.length);
  const later = (values: Float32Array) => values.subarray(speech().length);
  expect(Math.abs((levelOf(later(a)) as number) - SPEECH_LOUDNESS.levelDb)).toBeLessThan(2);
  // Nothing moves in time: the same samples, louder.
  const gains = Array.from({ length: 1000 }, (_, i) => a[90000 + i] / samples[90000 + i]).filter(Number.isFinite);
  expect(Math.max(...gains) / Math.min(...gains)).toBeLessThan(1.3);
});
