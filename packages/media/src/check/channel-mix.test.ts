import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { joinWaveform } from '../read/join-waveform';
import { openMedia } from '../read/open-media';
import { beep, ffmpeg, flash, H264_AAC, make, SKIPPED, temporaryFolder } from '../testing/clips';
import { normaliseMedia } from '../write/normalise-media';
import { ChannelMeter } from './channel-meter';
import { checkMedia } from './check-media';

/** Speech-like noise: bursts, reproducible. */
function* bursts(seed = 1): Generator<number> {
  let state = seed;
  for (let n = 0; ; n++) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    yield Math.floor(n / 2000) % 2 === 0 ? (state / 2 ** 31 - 1) * 0.3 : 0;
  }
}

/** The mix of channels that are functions of a voice and an independent noise, over ten seconds. */
function mixOf(name: string, gains: [voice: number, noise: number][], when?: (block: number) => number) {
  const meter = new ChannelMeter({ name, channels: gains.length });
  const voice = bursts();
  const noises = gains.map((_, channel) => bursts(channel + 7));
  for (let block = 0; block < 200; block++) {
    const samples = new Float32Array(400 * gains.length);
    for (let at = 0; at < samples.length; at += gains.length) {
      const v = voice.next().value!;
      for (const [channel, [gain, noise]] of gains.entries()) {
        const sign = channel === 1 ? (when?.(block) ?? 1) : 1;
        samples[at + channel] = sign * gain * v + noise * noises[channel].next().value!;
      }
    }
    meter.add(samples);
  }
  return meter.mix();
}

describe('ChannelMeter', () => {
  test.each([
    [
      'the same',
      [
        [1, 0],
        [1, 0],
      ],
    ],
    [
      'of different loudness',
      [
        [1, 0],
        [0.3, 0],
      ],
    ],
    [
      'a voice in the middle of wide noise',
      [
        [1, 0.5],
        [1, 0.5],
      ],
    ],
    [
      'unrelated',
      [
        [0, 1],
        [0, 1],
      ],
    ],
    [
      'two people, one in each',
      [
        [1, 0],
        [0, 1],
      ],
    ],
  ] as [string, [number, number][]][])('takes the mean of channels that are %s', (_, gains) => {
    expect(mixOf('stereo', gains)).toBeUndefined();
  });

  test.each([
    [
      'exactly',
      [
        [1, 0],
        [-1, 0],
      ],
    ],
    [
      'with noise',
      [
        [1, 0.2],
        [-1, 0.2],
      ],
    ],
    [
      'one half as loud',
      [
        [1, 0],
        [-0.5, 0],
      ],
    ],
  ] as [string, [number, number][]][])('takes the difference of channels that are opposed: %s', (_, gains) => {
    expect(mixOf('stereo', gains)).toEqual({ use: 'side', reason: expect.stringMatching(/out of phase/) });
  });

  test('takes the louder channel where they are opposed for a part of the time', () => {
    const mix = mixOf(
      'stereo',
      [
        [0.8, 0],
        [1, 0],
      ],
      (block) => (block < 100 ? 1 : -1),
    );
    expect(mix).toEqual({
      use: 'channel',
      channel: 1,
      reason: expect.stringMatching(/^channels cancel each other in 50 %/),
    });
    expect(
      mixOf(
        'stereo',
        [
          [0.8, 0],
          [1, 0],
        ],
        (block) => (block % 20 === 0 ? -1 : 1),
      ),
    ).toBeUndefined();
  });

  test('takes the only channel that has sound', () => {
    expect(
      mixOf('stereo', [
        [0, 0],
        [1, 0],
      ]),
    ).toEqual({ use: 'channel', channel: 1, reason: 'only the right channel has sound' });
    expect(
      mixOf('stereo', [
        [1, 0],
        [0, 0.05],
      ]),
    ).toMatchObject({ use: 'channel', channel: 0 });
    expect(
      mixOf('5.1(side)', [
        [0, 0],
        [0, 0],
        [1, 0],
        [0, 1],
        [0, 0],
        [0, 0],
      ]),
    ).toMatchObject({ channel: 2 });
    expect(
      mixOf('3 channels', [
        [0, 0],
        [0, 0],
        [1, 0],
      ]),
    ).toMatchObject({ channel: 2, reason: 'only channel 2 has sound' });
  });

  test('takes the centre of surround sound whose fronts cancel, and their difference where the centre is silent', () => {
    const fronts: [number, number][] = [
      [1, 0],
      [-1, 0],
    ];
    const rest: [number, number][] = [
      [0, 0.02],
      [0, 0],
      [0, 0.02],
      [0, 0.02],
    ];
    expect(mixOf('5.1', [...fronts, ...rest])).toMatchObject({ use: 'side' });
    const centre: [number, number] = [0, 0.6];
    expect(mixOf('5.1', [...fronts, centre, ...rest.slice(1)])).toMatchObject({ use: 'channel', channel: 2 });
    expect(mixOf('5.1', [[1, 0], [1, 0], centre, ...rest.slice(1)])).toBeUndefined();
  });

  test('silence is mixed as ever', () => {
    expect(
      mixOf('stereo', [
        [0, 0],
        [0, 0],
      ]),
    ).toBeUndefined();
    expect(
      mixOf('stereo', [
        [1e-4, 0],
        [-1e-4, 0],
      ]),
    ).toBeUndefined();
  });
});

const folder = temporaryFolder();
const file = (name: string) => join(folder, name);

describe.skipIf(!ffmpeg)(`audio of several channels${SKIPPED}`, () => {
  /** The beep with channels as `pan` makes them of one. */
  const panned = (name: string, layout: string, ...channels: string[]) =>
    make(
      ...[...flash(25), ...beep(2, 1, 48000), '-af', `pan=${layout}|${channels.join('|')}`],
      ...[...H264_AAC, '-c:a', 'flac', file(name)],
    );
  const read = async (name: string) => {
    const media = await openMedia({ log: () => undefined });
    const both = await media.both(file(name));
    const { samples } = await joinWaveform(both.audio);
    await both.release();
    const alone = await joinWaveform(media.audio(file(name)));
    expect(alone.samples).toEqual(samples);
    const { info } = both;
    expect(await media.probe(file(name))).toEqual(info);
    return { samples, notes: info.notes, mix: info.audio!.mix };
  };

  test('out of phase comes out as in phase, and says so', async () => {
    await panned('mono.mkv', 'stereo', 'FL=c0', 'FR=c0');
    const whole = await read('mono.mkv');
    expect([whole.mix, whole.notes]).toEqual([undefined, undefined]);
    await panned('opposed.mkv', 'stereo', 'FL=c0', 'FR=-1*c0');
    const opposed = await read('opposed.mkv');
    expect(opposed.notes).toEqual([expect.stringMatching(/^audio of 2 channels: channels cancel each other in 100 %/)]);
    let largest = 0;
    for (const [n, value] of whole.samples.entries()) largest = Math.max(largest, Math.abs(value - opposed.samples[n]));
    expect(largest).toBeLessThanOrEqual(1.01 / 32768);
    const { notes, audio } = await checkMedia(file('opposed.mkv'));
    expect(notes).toEqual(opposed.notes);
    expect(audio!.peak).toBeCloseTo(0.5, 1);
    await normaliseMedia(file('opposed.mkv'), file('normal.mkv'));
    expect(Math.max(...(await read('normal.mkv')).samples)).toBeCloseTo(0.5, 1);
  });

  test('the centre of 5.1 alone comes out at its own level; more channels than ffmpeg mixes are averaged', async () => {
    await panned('centre.mkv', '5.1', 'FC=c0');
    const { samples, mix } = await read('centre.mkv');
    expect(mix).toMatchObject({ use: 'channel', channel: 2 });
    expect(Math.max(...samples)).toBeCloseTo(0.5, 1);
    const ten = Array.from({ length: 10 }, (_, channel) =>
      channel < 5 ? '0.5*sin(2*PI*500*t)' : '0.25*sin(2*PI*500*t)',
    );
    await make('-f', 'lavfi', '-t', '1', '-i', `aevalsrc=${ten.join('|')}:s=16000`, file('ten.wav'));
    const media = await openMedia();
    expect(Math.max(...(await joinWaveform(media.audio(file('ten.wav')))).samples)).toBeCloseTo(0.375, 2);
  });

  test('probe measures the channels where it is asked to', async () => {
    const media = await openMedia();
    await panned('again.mkv', 'stereo', 'FL=c0', 'FR=-1*c0');
    expect((await media.probe(file('again.mkv'))).audio!.mix).toBeUndefined();
    expect((await media.probe(file('again.mkv'), { channels: true })).audio!.mix).toMatchObject({ use: 'side' });
  });
});
