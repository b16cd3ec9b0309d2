import { readdirSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { selectBackend } from '@lipsync/backends';
import type { LandmarkDetector, VideoFrame } from '@lipsync/contracts';
import { DinetGenerator, LITE_DINET } from '@lipsync/dinet';
import { type LandmarkFile, writeTalkingFace } from '@lipsync/embedded-data';
import { encodeVideo, type FfmpegReader, findFfmpeg, joinWaveform, openMedia } from '@lipsync/media';
import { WAV2LIP, Wav2LipGenerator } from '@lipsync/wav2lip';
import * as tf from '@tensorflow/tfjs-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type DubOptions, type DubProgress, dubVideo } from './dub-video';

const there = await findFfmpeg({ log: () => undefined }).catch(() => undefined);
const FRAMES = 30;

/** The landmarks that the video was drawn from; none in the first `hidden` frames. */
class KnownFaces implements LandmarkDetector {
  readonly scheme = 'ibug68';
  readonly #known: LandmarkFile;
  readonly #hidden: number;
  constructor(known: LandmarkFile, hidden = 0) {
    this.#known = known;
    this.#hidden = hidden;
  }
  async detect({ index }: VideoFrame) {
    return index < this.#hidden
      ? []
      : [{ points: Float32Array.from(this.#known.frames[index]), score: 0.9, trackId: 0 }];
  }
  reset() {}
  dispose() {}
}

describe.skipIf(!there)(`dubVideo${there ? '' : ' (skipped: no ffmpeg here)'}`, () => {
  let folder: string;
  let reader: FfmpegReader;
  let generator: DinetGenerator;
  let known: LandmarkFile;
  let video: string;
  const file = (name: string) => join(folder, name);

  beforeAll(async () => {
    await selectBackend({ backend: 'wasm' });
    folder = await mkdtemp(join(tmpdir(), 'dub-video-'));
    reader = await openMedia({ log: () => undefined });
    generator = new DinetGenerator({ ...LITE_DINET, width: 4, referenceChannels: 8 }, { seed: 3 });
    video = file('talk.mp4');
    known = await writeTalkingFace(video, { seed: 1, personSeed: 2, durationSec: FRAMES / 25, size: 128 });
    await writeAudio('long.mkv', 2.02, 22050);
    await writeAudio('short.mkv', 0.6, 44100);
  });
  afterAll(async () => {
    generator?.dispose();
    if (folder) await rm(folder, { recursive: true });
  });

  /** A video of small frames with an audio track that rises: what is wanted of it is the audio alone. */
  async function writeAudio(name: string, seconds: number, sampleRate: number): Promise<void> {
    const samples = Float32Array.from(
      { length: Math.round(seconds * sampleRate) },
      (_, i) => 0.4 * Math.sin((800 + (900 * i) / sampleRate) * (i / sampleRate)),
    );
    const writer = encodeVideo(file(name), { width: 16, height: 16, audio: { samples, sampleRate } });
    await writer.write(new Uint8Array(16 * 16 * 3));
    await writer.finish();
  }
  const options = (change: Partial<DubOptions> = {}): DubOptions => ({
    generator,
    mouth: 64,
    reader,
    detector: new KnownFaces(known),
    ...change,
  });
  const frames = async (path: string) => {
    const all: VideoFrame[] = [];
    for await (const frame of reader.frames(path)) all.push(frame);
    return all;
  };
  /** Mean absolute difference of two frames in a box grown by `margin`, and outside of it. */
  function differences(a: VideoFrame, b: VideoFrame, box: { left: number; top: number; side: number }) {
    const sums = { inside: [0, 0], outside: [0, 0] };
    for (let y = 0; y < a.height; y++) {
      for (let x = 0; x < a.width; x++) {
        const within = x >= box.left && x < box.left + box.side && y >= box.top && y < box.top + box.side;
        const sum = within ? sums.inside : sums.outside;
        for (let at = (y * a.width + x) * 3, end = at + 3; at < end; at++) sum[0] += Math.abs(a.data[at] - b.data[at]);
        sum[1] += 3;
      }
    }
    return { inside: sums.inside[0] / sums.inside[1], outside: sums.outside[0] / sums.outside[1] };
  }
  const boxOf = (frame: number, radius: number) => {
    const points = known.frames[frame];
    return { left: Math.floor(points[66]) - radius, top: Math.floor(points[59]), side: 2 * radius };
  };

  test('a longer audio: the video goes back and forth, only mouths change, the audio is the given one', async () => {
    const before = tf.memory().numTensors;
    const seen: DubProgress[] = [];
    const report = await dubVideo(
      video,
      file('long.mkv'),
      file('long.mp4'),
      options({ onProgress: (progress) => seen.push(progress), keepBytes: 128 * 128 * 3 * 9 }),
    );
    expect(tf.memory().numTensors).toBe(before);
    expect(report).toMatchObject({
      width: 128,
      height: 128,
      fps: 25,
      frameCount: 51,
      generated: 51,
      kept: 0,
      faces: 1,
      mouth: 64,
      face: { track: 0, firstFrame: 0, frameCount: FRAMES },
    });
    expect(report.references).toHaveLength(5);
    expect(seen.at(-1)).toEqual({ pass: 'generate', done: 51, total: 51 });
    expect(seen.filter(({ pass }) => pass === 'faces').at(-1)).toEqual({ pass: 'faces', done: FRAMES, total: FRAMES });

    const info = await reader.probe(file('long.mp4'));
    expect(info).toMatchObject({
      video: { codec: 'h264', width: 128, height: 128, fps: 25 },
      audio: { codec: 'aac', sampleRate: 22050, channels: 1 },
    });
    // measured 0; a block of AAC at this rate lasts 0.046 s
    expect(Math.abs(info.durationSec - 2.04)).toBeLessThan(0.05);
    const [source, made] = [await frames(video), await frames(file('long.mp4'))];
    expect(made).toHaveLength(51);
    for (const [k, frame] of made.entries()) {
      const from = k < FRAMES ? k : 2 * FRAMES - 2 - k;
      const { inside, outside } = differences(frame, source[from], boxOf(from, report.face.radius));
      expect(outside).toBeLessThan(2);
      expect(inside).toBeGreaterThan(3 * outside);
    }
    const [heard, given] = [
      await joinWaveform(reader.audio(file('long.mp4'))),
      await joinWaveform(reader.audio(file('long.mkv'))),
    ];
    let [ab, aa, bb] = [0, 0, 0];
    given.samples.forEach(
      (value, i) => ([ab, aa, bb] = [ab + value * heard.samples[i], aa + value ** 2, bb + heard.samples[i] ** 2]),
    );
    expect(ab / Math.sqrt(aa * bb)).toBeGreaterThan(0.98);
  });

  test('a shorter audio cuts the video, or silence follows it; frames without the face stay as they are', async () => {
    const detector = new KnownFaces(known, 8);
    const cut = await dubVideo(video, file('short.mkv'), file('short.mp4'), options({ detector }));
    expect(cut).toMatchObject({
      frameCount: 15,
      generated: 7,
      kept: 8,
      face: { firstFrame: 8, frameCount: FRAMES - 8 },
    });
    const whole = await dubVideo(
      video,
      file('short.mkv'),
      file('whole.mp4'),
      options({ detector, length: 'video', references: [8, 10, 12, 14, 29] }),
    );
    expect(whole).toMatchObject({ frameCount: FRAMES, generated: FRAMES - 8, references: [8, 10, 12, 14, 29] });
    expect((await joinWaveform(reader.audio(file('short.mp4')))).samples.length).toBeLessThan(0.65 * 16000);
    const [source, made] = [await frames(video), await frames(file('whole.mp4'))];
    expect(made).toHaveLength(FRAMES);
    for (const k of [0, 7, 8, 29]) {
      const { inside, outside } = differences(made[k], source[k], boxOf(k, whole.face.radius));
      expect(outside).toBeLessThan(2);
      if (k < 8) expect(inside).toBeLessThan(3);
      else expect(inside).toBeGreaterThan(3 * outside);
    }
  });

  test('generated mouths depend on the audio, and are the same each time', async () => {
    const half = (offset: number) => ({
      data: Float32Array.from({ length: 20 * 29 }, (_, i) => Math.sin(i + offset) * 3),
      steps: 20,
      bins: 29,
    });
    const listener = new DinetGenerator(
      { ...LITE_DINET, width: 4, referenceChannels: 8, audio: { kind: 'logits', bins: 29, steps: 5 } },
      { seed: 3 },
    );
    try {
      for (const [name, offset] of [
        ['a', 0],
        ['b', 0],
        ['c', 9],
      ] as const) {
        await dubVideo(
          video,
          file('short.mkv'),
          file(`${name}.mp4`),
          options({ generator: listener, features: half(offset) }),
        );
      }
      const [a, b, c] = [await frames(file('a.mp4')), await frames(file('b.mp4')), await frames(file('c.mp4'))];
      expect(a.every(({ data }, i) => Buffer.compare(data, b[i].data) === 0)).toBe(true);
      expect(a.some(({ data }, i) => Buffer.compare(data, c[i].data) !== 0)).toBe(true);
      await expect(dubVideo(video, file('short.mkv'), file('d.mp4'), options({ generator: listener }))).rejects.toThrow(
        'options.features must be given',
      );
    } finally {
      listener.dispose();
    }
  });

  test.each([
    ['face boxes', { kind: 'face box', size: 32, rows: 'all' }],
    ['head crops', { kind: 'dinet head', mouth: 64 }],
  ] as const)(
    'Wav2Lip on %s: each frame is its own reference, and what lies far from the face stays',
    async (_, crop) => {
      const wav2lip = new Wav2LipGenerator({ ...WAV2LIP, width: 1 / 64, size: 32 }, { seed: 1 });
      wav2lip.crop = crop;
      const before = tf.memory().numTensors;
      const change = { generator: wav2lip, mouth: undefined, length: 'audio' } as const;
      const report = await dubVideo(video, file('short.mkv'), file('wav2lip.mp4'), options(change));
      expect(tf.memory().numTensors).toBe(before);
      expect(report).toMatchObject({ frameCount: 15, generated: 15, references: [], crop });
      const [source, made] = [await frames(video), await frames(file('wav2lip.mp4'))];
      const points = known.frames[5];
      const xs = points.filter((_, i) => i % 2 === 0);
      const ys = points.filter((_, i) => i % 2 === 1);
      const [left, top] = [Math.min(...xs), Math.min(...ys)];
      const side = Math.max(Math.max(...xs) - left, Math.max(...ys) - top);
      const box = { left: left - 0.3 * side, top: top - 0.3 * side, side: 1.6 * side };
      const { inside, outside } = differences(made[5], source[5], box);
      expect(outside).toBeLessThan(2);
      expect(inside).toBeGreaterThan(3 * outside);
      wav2lip.dispose();
    },
  );

  test('refusals say what is wrong, and leave neither file nor tensor behind', async () => {
    const before = tf.memory().numTensors;
    const short = file('short.mkv');
    const dub = (audio: string, change: Partial<DubOptions> = {}) =>
      dubVideo(video, audio, file('refused.mp4'), options(change));
    await expect(dub(short, { detector: new KnownFaces(known, FRAMES) })).rejects.toThrow(
      /talk\.mp4: no face: no face \w+ in 30 frames/,
    );
    await expect(dub(short, { face: 4 })).rejects.toThrow('dubVideo: options.face must be 0 (frames 0 to 29), got 4');
    await expect(dub(short, { references: [1, 2] })).rejects.toThrow(
      'dubVideo: options.references must be 5 frames, as many as the generator takes, got 2',
    );
    await expect(dub(short, { references: [1, 2, 3, 4, 30] })).rejects.toThrow(
      'dubVideo: options.references must be frames that show the face, 0 to 29, got 30',
    );
    await expect(dub(short, { mouth: 24 })).rejects.toThrow('options.mouth must be a multiple of 32 pixels, got 24');
    await expect(dub(short, { features: { data: new Float32Array(29), steps: 1, bins: 29 } })).rejects.toThrow(
      'options.features must be left out',
    );
    const mute = encodeVideo(file('mute.mkv'), {
      width: 16,
      height: 16,
      audio: { samples: new Float32Array(16000), sampleRate: 16000 },
    });
    await mute.write(new Uint8Array(768));
    await mute.finish();
    await expect(dub(file('mute.mkv'))).rejects.toThrow(/mute\.mkv: silent: largest sample 0/);
    const noAudio = encodeVideo(file('no-audio.mp4'), { width: 16, height: 16 });
    await noAudio.write(new Uint8Array(768));
    await noAudio.finish();
    await expect(dub(file('no-audio.mp4'))).rejects.toThrow('dubVideo: audio must be a file with audio, got');
    const stop = new AbortController();
    const stopped = dub(short, { signal: stop.signal, onProgress: ({ pass }) => pass === 'generate' && stop.abort() });
    await expect(stopped).rejects.toThrow('dubVideo: stopped');
    expect(tf.memory().numTensors).toBe(before);
    expect(readdirSync(folder).filter((name) => name.startsWith('refused') || name.endsWith('.partial'))).toEqual([]);
  });
});
