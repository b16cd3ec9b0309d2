import { expect, test } from 'vitest';
import { madeAudio, white } from '../testing/made-speech';
import { changeGain } from '../waveform/change-gain';
import { SpeechLevelMeter, speechLevel } from './speech-level';

const level = (samples: Float32Array) => speechLevel({ samples, sampleRate: 16000 }) as number;
const speech = () => madeAudio('speech', 60, 16000);
const joined = (...parts: Float32Array[]) => Float32Array.from(parts.flatMap((part) => [...part]));

test('a sine of full scale has -3 dB, and direct current and rumble hardly count', () => {
  const sine = Float32Array.from({ length: 16000 }, (_, i) => Math.sin((2 * Math.PI * 1000 * i) / 16000));
  expect(level(sine)).toBeCloseTo(-3.01, 0); // measured 0.21, which the high pass takes at 1 kHz
  const rumble = sine.map((value, i) => 0.01 * value + 0.3 + 0.01 * Math.sin((2 * Math.PI * 20 * i) / 16000));
  expect(level(rumble) - level(changeGain(sine, -40))).toBeLessThan(0.5);
});

test.each([6, -10, -20, -30, -40])('a gain of %d dB moves the level of speech by as much, and no more', (gainDb) => {
  expect(level(changeGain(speech(), gainDb)) - level(speech())).toBeCloseTo(gainDb, 6); // measured 5.3e-9
});

test('pauses do not lower the level of speech', () => {
  const silence = new Float32Array(16000 * 6);
  expect(Math.abs(level(joined(silence, speech(), silence)) - level(speech()))).toBeLessThan(2);
});

test('a knock as loud as can be does not raise the level by more than 1 dB', () => {
  const quiet = changeGain(speech(), -20);
  const knocked = quiet.slice();
  for (let i = 0; i < 400; i++) knocked[20000 + i] = i % 2 === 0 ? 1 : -1;
  expect(level(knocked) - level(quiet)).toBeLessThan(1);
});

test('the level does not depend on how the audio is cut into pieces', () => {
  const samples = speech();
  for (const length of [7, 333, 1600, 5000]) {
    const meter = new SpeechLevelMeter();
    for (let at = 0; at < samples.length; at += length) meter.push(samples.subarray(at, at + length));
    expect(meter.levelDb).toBe(level(samples));
  }
});

test('audio shorter than a block has a level, silence and the noise of 16 bits have none', () => {
  expect(level(speech().subarray(8800, 9800))).toBeGreaterThan(-60);
  expect(speechLevel({ samples: new Float32Array(16000), sampleRate: 16000 })).toBeUndefined();
  expect(speechLevel({ samples: new Float32Array(0), sampleRate: 16000 })).toBeUndefined();
  const bits = Float32Array.from(white(16000, 1), (value) => Math.round(value) / 32768);
  expect(speechLevel({ samples: bits, sampleRate: 16000 })).toBeUndefined();
});

test('of the last seconds only those count that the window holds', () => {
  const meter = new SpeechLevelMeter({ windowSec: 1 });
  meter.push(changeGain(speech(), 20));
  meter.push(Float32Array.from(white(32000, 3), (value) => 0.01 * value));
  // measured 0.04: the filter still remembers what came before
  expect(meter.levelDb).toBeCloseTo(level(Float32Array.from(white(32000, 3), (value) => 0.01 * value)), 0);
});

test('speechLevel refuses another sample rate, the meter a window shorter than a block', () => {
  expect(() => speechLevel({ samples: speech(), sampleRate: 44100 })).toThrow('waveform.sampleRate must be 16000');
  expect(() => new SpeechLevelMeter({ windowSec: 0 })).toThrow('options.windowSec must be at least 0.1');
});
