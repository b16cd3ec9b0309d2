import { expect, test } from 'vitest';
import fixture from '../fixtures/voice-activity.json';
import { voiceActivity } from './voice-activity';

const RATE = 16000;

function noise(length: number, seed: number): Float64Array {
  let state = seed;
  return Float64Array.from({ length }, () => {
    state = (Math.imul(1664525, state) + 1013904223) >>> 0;
    return state / 2 ** 31 - 1;
  });
}

/** The sounds of reference/audio-mel-voice-activity.py. */
function bursts(level: number, floor: number): Float32Array {
  const grain = noise(4 * RATE, 7);
  return Float32Array.from(grain, (value, i) => {
    const t = i / RATE;
    let voice = 0;
    if (t >= 0.5 && t < 3.5 && (t - 0.5) % 0.55 < 0.3) for (let k = 1; k < 20; k++) voice += Math.sin(2 * Math.PI * 140 * k * t) / k;
    return level * voice + floor * value;
  });
}

const sounds: Record<string, Float32Array> = {
  'bursts in quiet': bursts(0.1, 0.0003),
  'bursts 20 dB above noise': bursts(0.1, 0.03),
  'bursts near noise': bursts(0.1, 0.1),
  noise: Float32Array.from(noise(2 * RATE, 3), (value) => 0.1 * value),
  silence: new Float32Array(RATE),
  hum: Float32Array.from({ length: 2 * RATE }, (_, i) => 0.1 * Math.sin((2 * Math.PI * 400 * i) / RATE)),
};

test.each(Object.entries(sounds))('%s: the flags are those of NumPy', (name, samples) => {
  expect([...voiceActivity(samples)].join('')).toBe(fixture.flags[name as keyof typeof fixture.flags]);
});

test('words are found with their ends within two pictures, however loud, in quiet and in noise', () => {
  for (const samples of [bursts(0.1, 0.0003), bursts(0.01, 0.00003), bursts(0.1, 0.03)]) {
    const flags = voiceActivity(samples);
    const first = flags.indexOf(1);
    const last = flags.lastIndexOf(1);
    expect(first).toBeGreaterThanOrEqual(10);
    expect(first).toBeLessThanOrEqual(13);
    expect(last).toBeGreaterThanOrEqual(84);
    expect(last).toBeLessThanOrEqual(89);
  }
});

test('noise, hum and silence are no speech, and what is too short has no flags', () => {
  for (const name of ['noise', 'hum', 'silence']) expect(voiceActivity(sounds[name])).not.toContain(1);
  expect(voiceActivity(new Float32Array(639))).toHaveLength(0);
  expect(voiceActivity(new Float32Array(100))).toHaveLength(0);
});

test('refuses other rates and other arrays', () => {
  expect(() => voiceActivity([0] as never)).toThrow('voiceActivity: samples must be a Float32Array');
  expect(() => voiceActivity(new Float32Array(9), { sampleRate: 4000 })).toThrow('sampleRate must be a whole number, 8000 or more, got 4000');
  expect(() => voiceActivity(new Float32Array(9), { fps: 60 })).toThrow('fps must be above 0 and at most 50, got 60');
});
