import { mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DinetGenerator, LITE_DINET, saveDinet } from '@lipsync/dinet';
import type { DubReport } from '@lipsync/dub';
import { writeTalkingFace } from '@lipsync/embedded-data';
import { findFfmpeg } from '@lipsync/media';
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import { startBackend } from '../terminal/options';
import { runLipsync } from '../terminal/run-lipsync';
import { type CapturedOutput, captureOutput } from '../testing/capture-output';
import { describeDub, readReferences } from './dub-command';

const there = await findFfmpeg({ log: () => undefined }).catch(() => undefined);
const SKIPPED = there ? '' : ' (skipped: no ffmpeg here)';
let folder: string;
let output: CapturedOutput;
const file = (name: string) => join(folder, name);

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'dub-command-'));
  output = captureOutput();
  await startBackend({ backend: 'wasm' });
  for (const [name, config, metadata] of [
    ['mel', LITE_DINET, { mouth: '64' }],
    ['logits', { ...LITE_DINET, audio: { kind: 'logits', bins: 29, steps: 5 } }, { mouth: '64' }],
    ['unstated', LITE_DINET, {}],
  ] as const) {
    const net = new DinetGenerator({ ...config, width: 4, referenceChannels: 8 }, { seed: 1 });
    await writeFile(file(`${name}.safetensors`), await saveDinet(net, metadata));
    net.dispose();
  }
  for (const name of ['video.mp4', 'sound.wav', 'there.mp4']) await writeFile(file(name), name);
  await symlink(file('video.mp4'), file('link.mp4'));
});
afterEach(() => {
  output.clear();
});
afterAll(async () => {
  output.restore();
  await rm(folder, { recursive: true });
});

test('readReferences reads numbers, spread or same', () => {
  expect(readReferences('spread')).toBe('spread');
  expect(readReferences('same')).toBe('same frame');
  expect(readReferences(undefined)).toBeUndefined();
  expect(readReferences('0, 40,80')).toEqual([0, 40, 80]);
  for (const wrong of ['', '1,,2', '-1', '1.5', 'all'])
    expect(() => readReferences(wrong)).toThrow('--references must be spread, same or frame numbers');
});

test.each<[string[], string]>([
  [['video.mp4', 'sound.wav', '--weights', 'mel'], "missing required argument 'out'"],
  [['video.mp4', 'sound.wav', 'new.mp4'], "required option '--weights <file>' not specified"],
  [['video.mp4', 'sound.wav', 'new.avi', '--weights', 'mel'], 'OUT must end in .mp4, .m4v, .mov, .mkv'],
  [['video.mp4', 'sound.wav', 'video.mp4', '--force', '--weights', 'mel'], 'OUT must be another file than VIDEO'],
  [['video.mp4', 'sound.wav', 'link.mp4', '--force', '--weights', 'mel'], 'OUT must be another file than VIDEO'],
  [['video.mp4', 'there.mp4', 'there.mp4', '--force', '--weights', 'mel'], 'OUT must be another file than AUDIO'],
  [['video.mp4', 'sound.wav', 'there.mp4', '--weights', 'mel'], 'OUT must be a new file (or give --force)'],
  [['video.mp4', 'sound.wav', 'new.mp4', '--weights', 'unstated'], '--mouth must be the mouth box that'],
  [
    ['video.mp4', 'sound.wav', 'new.mp4', '--weights', 'mel', '--mouth', '40'],
    '--mouth must be a multiple of 32 pixels, got 40',
  ],
])('lipsync dub %j is a usage error: %s', async (words, message) => {
  const paths = words.map((word, i) =>
    word.includes('.') ? file(word) : words[i - 1] === '--weights' ? file(`${word}.safetensors`) : word,
  );
  expect(await runLipsync(['dub', ...paths])).toBe(2);
  expect(output.err).toContain(message);
  expect(await readFile(file('video.mp4'), 'utf8')).toBe('video.mp4');
  expect(await readFile(file('there.mp4'), 'utf8')).toBe('there.mp4');
});

test('describeDub names the face, its reference frames and how long it took', () => {
  const report: DubReport = {
    ...{
      video: 'a',
      audio: 'b',
      out: 'c.mp4',
      width: 64,
      height: 48,
      fps: 25,
      frameCount: 50,
      generated: 40,
      kept: 10,
      durationSec: 2,
      faces: 2,
      mouth: 64,
      crop: { kind: 'dinet head', mouth: 64 },
      notes: [],
    },
    face: { track: 1, firstFrame: 10, frameCount: 40, detectionScore: 0.8, radius: 20 },
    ...{
      references: [11, 19, 27, 35, 43],
      seconds: { faces: 1, references: 0.1, generate: 5, network: 4 },
      framesPerSecond: 10,
    },
  };
  expect(describeDub(report)).toEqual([
    'face 1 of 2: 40 frames from frame 10 on, crop radius 20 px; references: frames 11, 19, 27, 35, 43',
    'c.mp4: 64 x 48, 2.00 s at 25 frames per second; 40 of 50 frames generated, 10 unchanged',
    'faces 1 s, generating 5 s (10.0 frames per second; 100 ms each in the network)',
  ]);
});

describe.skipIf(!there)(`the command${SKIPPED}`, () => {
  beforeAll(() => writeTalkingFace(file('talk.mp4'), { seed: 1, personSeed: 2, durationSec: 0.8 }));
  const dub = (...words: string[]) =>
    runLipsync(['dub', file('talk.mp4'), file('talk.mp4'), ...words, '--backend', 'wasm']);

  test('finds the face, generates its mouth and prints a report; a generator that takes logits asks for them', async () => {
    expect(await dub(file('dubbed.mp4'), '--weights', file('mel.safetensors'), '--json')).toBe(0);
    const report = JSON.parse(output.out) as DubReport;
    expect(report).toMatchObject({
      generated: report.frameCount,
      kept: 0,
      mouth: 64,
      width: 256,
      out: file('dubbed.mp4'),
    });
    expect([20, 21, 22]).toContain(report.frameCount); // AAC's last frame may come back whole
    expect(report.seconds.generate).toBeGreaterThan(0);
    expect((await readFile(file('dubbed.mp4'))).length).toBeGreaterThan(5000);

    expect(await dub(file('other.mp4'), '--weights', file('logits.safetensors'))).toBe(2);
    expect(output.err).toContain('--logits must be a npy file with the logits of the audio');
    // 20 rows of 29 values
    const head = `${"{'descr': '<f4', 'fortran_order': False, 'shape': (20, 29), }".padEnd(117)}\n`;
    const npy = Buffer.concat([
      Buffer.from('\x93NUMPY\x01\x00\x76\x00', 'latin1'),
      Buffer.from(head),
      Buffer.from(new Float32Array(580).buffer),
    ]);
    await writeFile(file('logits.npy'), npy);
    expect(await dub(file('other.mp4'), '--weights', file('logits.safetensors'), '--logits', file('logits.npy'))).toBe(
      0,
    );
    expect(await dub(file('third.mp4'), '--weights', file('mel.safetensors'), '--logits', file('logits.npy'))).toBe(2);
    expect(output.err).toContain('--logits must be left out');
  });

  test('Ctrl-C ends it with status 130 and leaves nothing', async () => {
    const stopping = vi.spyOn(process, 'once').mockImplementation(((name: string, listener: () => void) => {
      if (name === 'SIGINT') setTimeout(listener, 300);
      return process;
    }) as never);
    const status = dub(file('stopped.mp4'), '--weights', file('mel.safetensors'));
    await vi.waitFor(() => expect(stopping).toHaveBeenCalled(), 20_000);
    expect(await status).toBe(130);
    stopping.mockRestore();
    expect(output.err).toContain('stopped; nothing was written');
    await expect(readFile(file('stopped.mp4'))).rejects.toThrow('ENOENT');
  });
});
