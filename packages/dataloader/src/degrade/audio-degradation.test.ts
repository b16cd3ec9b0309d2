import { changeGain, convolve } from '@lipsync/audio-mel';
import { Random } from '@lipsync/nn';
import { expect, test } from 'vitest';
import type { AudioDegradationDraw } from './audio-degradation';
import {
  AUDIO_DEGRADATION,
  addNoise,
  degradeAudio,
  drawAudioDegradation,
  roomResponse,
  throughTelephone,
} from './audio-degradation';
import { NOISE_KINDS } from './audio-noise';

/** A second of pulses of falling pitch, with a pause, and an onset at 0.2 s. */
const speech = Float32Array.from({ length: 16000 }, (_, i) => {
  const t = i / 16000;
  const on = t >= 0.2 && !(t > 0.5 && t < 0.62);
  return on
    ? 0.1 * Math.exp(8 * (Math.cos(2 * Math.PI * (150 * t - 20 * t * t)) - 1)) * Math.sin(2 * Math.PI * 900 * t)
    : 0;
});
const power = (values: ArrayLike<number>) =>
  Array.from(values).reduce((sum, value) => sum + value * value, 0) / values.length;
const decibels = (ratio: number) => 10 * Math.log10(ratio);

/** The lag, of -100 … 100 samples, at which `after` is most like `before`. */
function bestLag(before: Float32Array, after: Float32Array): number {
  let best = 0;
  let most = -Infinity;
  for (let lag = -100; lag <= 100; lag++) {
    let sum = 0;
    for (let i = 100; i < before.length - 100; i++) sum += before[i] * after[i + lag];
    if (sum > most) [best, most] = [lag, sum];
  }
  return best;
}

test.each(NOISE_KINDS)('%s noise is as many decibels below the audio as asked for, and begins where asked', (kind) => {
  for (const snrDb of [-5, 0, 10, 30]) {
    const noisy = addNoise(speech, { kind, snrDb, start: 12345 });
    const noise = noisy.map((value, i) => value - speech[i]);
    expect(Math.abs(decibels(power(speech) / power(noise)) - snrDb)).toBeLessThan(0.01); // asked for: 0.2
  }
  const [first, second] = [0, 1000].map((start) => addNoise(speech, { kind, snrDb: 0, start, level: 1 }));
  expect(first.slice(1000, 1100)).not.toEqual(first.slice(0, 100));
  const ratio = (first[1300] - speech[1300]) / (second[300] - speech[300]);
  for (let i = 301; i < 310; i++)
    // measured 8.1e-8: the differences of float32 samples
    expect((first[1000 + i] - speech[1000 + i]) / (second[i] - speech[i])).toBeCloseTo(ratio, 5);
});

test('noise is measured against a level that is given, and silence stays silent without one', () => {
  const silence = new Float32Array(4000);
  expect(power(addNoise(silence, { kind: 'pink', snrDb: 10, start: 5 }))).toBe(0);
  // measured 5.4e-10
  expect(decibels(power(addNoise(silence, { kind: 'pink', snrDb: 10, start: 5, level: 0.1 })))).toBeCloseTo(-30, 6);
});

test.each([0.1, 0.2, 0.5, 1])(
  'a room of %d s falls by 60 dB in that time, its direct audio as strong as asked for',
  (rt60Sec) => {
    for (const [seed, directDb] of [
      [1, 0],
      [2, 6],
      [3, 15],
      [4, -3],
    ]) {
      const response = roomResponse({ rt60Sec, directDb, start: new Random(seed).bits() });
      expect(power(response) * response.length).toBeCloseTo(1, 6); // measured 4.8e-8: a float32 response
      const tail = response.slice(1);
      expect(decibels(response[0] ** 2 / (power(tail) * tail.length))).toBeCloseTo(directDb, 5); // measured 2.7e-7
      // Schroeder: energy still to come, in dB; a line through it from -5 to -35 dB.
      const rest = new Float64Array(tail.length);
      for (let i = tail.length - 1, sum = 0; i >= 0; i--) rest[i] = sum += tail[i] ** 2;
      const points = Array.from(rest, (value, i) => [i / 16000, decibels(value / rest[0])]).filter(
        ([, level]) => level < -5 && level > -35,
      );
      const [meanTime, meanLevel] = [0, 1].map(
        (axis) => points.reduce((sum, point) => sum + point[axis], 0) / points.length,
      );
      const slope =
        points.reduce((sum, [time, level]) => sum + (time - meanTime) * (level - meanLevel), 0) /
        points.reduce((sum, [time]) => sum + (time - meanTime) ** 2, 0);
      expect(Math.abs(-60 / slope / rt60Sec - 1)).toBeLessThan(0.1);
    }
  },
);

test.each([
  ['a room', { room: { rt60Sec: 0.8, directDb: 0, start: 77 } }],
  ['noise', { noise: { kind: 'babble', snrDb: 0, start: 3 } }],
  ['a telephone', { telephone: true }],
  [
    'all at once',
    {
      room: { rt60Sec: 0.3, directDb: 3, start: 9 },
      noise: { kind: 'pink', snrDb: 5, start: 1 },
      telephone: true,
      gainDb: -4,
    },
  ],
] as [string, Partial<AudioDegradationDraw>][])('%s moves nothing in time', (_, draw) => {
  expect(bestLag(speech, degradeAudio(speech, { telephone: false, gainDb: 0, ...draw }))).toBe(0);
});

test('a room louder than the direct sound still moves no noise in time', () => {
  const hiss = addNoise(new Float32Array(16000), { kind: 'white', snrDb: 0, start: 1, level: 0.1 });
  for (let start = 0; start < 5; start++) {
    expect(
      bestLag(
        hiss,
        degradeAudio(hiss, { room: { rt60Sec: 0.8, directDb: -6, start: 1000 * start }, telephone: false, gainDb: 0 }),
      ),
    ).toBe(0);
  }
});

test('a room and a gain keep the silence before the audio', () => {
  const degraded = degradeAudio(speech, { room: { rt60Sec: 0.5, directDb: 5, start: 8 }, telephone: false, gainDb: 3 });
  const onset = speech.findIndex((value) => Math.abs(value) > 1e-3);
  const largest = degraded.subarray(0, 3200).reduce((most, value) => Math.max(most, Math.abs(value)), 0);
  expect(largest).toBeLessThan(1e-15); // measured 3.7e-17: a convolution by transforms leaves float64 rounding
  // the level at which it counts as begun
  expect(degraded.findIndex((value) => Math.abs(value) > 1e-3)).toBeLessThanOrEqual(onset + 1);
});

test.each([
  [100, -38.3],
  [300, -6],
  [1000, 0],
  [3400, -6],
  [5000, -22.9],
])('a telephone changes %d Hz by %d dB', (hz, change) => {
  const tone = Float32Array.from({ length: 16000 }, (_, i) => Math.sin((2 * Math.PI * hz * i) / 16000));
  const middle = (values: Float32Array) => power(values.subarray(4000, 12000));
  expect(Math.abs(decibels(middle(throughTelephone(tone)) / middle(tone)) - change)).toBeLessThan(0.2);
});

test('gain is in decibels, and nothing is clipped', () => {
  expect(changeGain(Float32Array.of(0.5, -1), 20)).toEqual(Float32Array.of(5, -10));
});

test('an empty draw copies the audio', () => {
  const same = degradeAudio(speech, { telephone: false, gainDb: 0 });
  expect(same).toEqual(speech);
  expect(same).not.toBe(speech);
});

test('the same random stream gives the same draw and the same audio', () => {
  for (let i = 0; i < 20; i++) {
    const [one, other] = [0, 0].map(() => drawAudioDegradation(AUDIO_DEGRADATION, new Random(1, 2, i)));
    expect(one).toEqual(other);
    expect(degradeAudio(speech, one)).toEqual(degradeAudio(speech, other));
  }
});

test('every draw takes the same number of values, fills its ranges, and shares are as given', () => {
  const draws = Array.from({ length: 3000 }, (_, i) => {
    const random = new Random(4, i);
    let bits = 0;
    const next = random.bits.bind(random);
    random.bits = () => {
      bits++;
      return next();
    };
    const draw = drawAudioDegradation({ ...AUDIO_DEGRADATION, room: (i % 3) / 2, noise: ((i + 1) % 3) / 2 }, random);
    expect(bits).toBe(18);
    return draw;
  });
  const seen = (values: (number | undefined)[]) => values.filter((value) => value !== undefined) as number[];
  const range = (values: number[]) => [Math.min(...values), Math.max(...values)];
  const [leastSnr, mostSnr] = range(seen(draws.map((draw) => draw.noise?.snrDb)));
  expect(leastSnr).toBeGreaterThanOrEqual(5);
  expect(leastSnr).toBeLessThan(5.5);
  expect(mostSnr).toBeGreaterThan(29.5);
  expect(mostSnr).toBeLessThan(30);
  const [leastTime, mostTime] = range(seen(draws.map((draw) => draw.room?.rt60Sec)));
  expect(leastTime).toBeGreaterThanOrEqual(0.15);
  expect(mostTime).toBeGreaterThan(0.79);
  expect(mostTime).toBeLessThan(0.8);
  const share = (has: (draw: AudioDegradationDraw) => boolean) => draws.filter(has).length / draws.length;
  // measured 3.3e-4; of 3000 draws one half has a standard deviation of 0.009
  expect(share((draw) => draw.room !== undefined)).toBeCloseTo(0.5, 1);
  expect(share((draw) => draw.telephone)).toBeCloseTo(0.1, 1);
  // measured 0.0093, of a standard deviation of 0.007
  for (const kind of NOISE_KINDS) expect(share((draw) => draw.noise?.kind === kind)).toBeCloseTo(1 / 6, 1);
});

test('degradeAudio applies room, noise, telephone and gain in this order', () => {
  const draw: AudioDegradationDraw = {
    room: { rt60Sec: 0.3, directDb: 3, start: 1 },
    noise: { kind: 'white', snrDb: 10, start: 2 },
    telephone: true,
    gainDb: 2,
  };
  const inRoom = convolve({ samples: speech, sampleRate: 16000 }, roomResponse(draw.room!)).samples;
  expect(degradeAudio(speech, draw, { level: 0.1 })).toEqual(
    changeGain(throughTelephone(addNoise(inRoom, { ...draw.noise!, level: 0.1 })), 2),
  );
});

test('strengths and draws out of range are refused', () => {
  const draw = (change: object) => () => drawAudioDegradation({ ...AUDIO_DEGRADATION, ...change }, new Random(0));
  expect(draw({ room: 1.5 })).toThrow('drawAudioDegradation: room must be a share, 0..1, got 1.5');
  expect(draw({ leastSnrDb: 40 })).toThrow('leastSnrDb must be at most mostSnrDb, 30, got 40');
  expect(draw({ leastRt60Sec: 0 })).toThrow('leastRt60Sec must be 0.05 to 4 seconds, got 0');
  expect(draw({ gainDb: -1 })).toThrow('gainDb must be at least 0');
  expect(draw({ mostDirectDb: NaN })).toThrow('mostDirectDb must be finite, got NaN');
  expect(() => addNoise(speech, { kind: 'blue' as never, snrDb: 0, start: 0 })).toThrow(
    'kind must be white, pink, babble, got blue',
  );
  expect(() => addNoise(speech, { kind: 'pink', snrDb: NaN, start: 0 })).toThrow('snrDb must be finite');
  expect(() => roomResponse({ rt60Sec: 9, directDb: 0, start: 0 })).toThrow(
    'roomResponse: rt60Sec must be 0.05 to 4 seconds, got 9',
  );
  expect(() => changeGain(speech, Infinity)).toThrow('gainDb must be finite');
});
