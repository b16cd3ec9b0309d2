import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { writeTalkingFace } from '@lipsync/embedded-data';
import { findFfmpeg } from '@lipsync/media';
import { loadPortraitClip } from '@lipsync/portraits';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { runLipsync } from '../../terminal/run-lipsync';
import { type CapturedOutput, captureOutput } from '../../testing/capture-output';
import type { PortraitManifest } from './prepare-portrait-command';

const there = await findFfmpeg({ log: () => undefined }).catch(() => undefined);
const SKIPPED = there ? '' : ' (skipped: no ffmpeg here)';
let folder: string;
let output: CapturedOutput;
const file = (name: string) => join(folder, name);
const prepare = (...words: string[]) =>
  runLipsync(['portrait', 'prepare', ...words, '--backend', 'wasm', '--threads', '1']);

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'portrait-command-'));
  output = captureOutput();
  await mkdir(file('videos/deep'), { recursive: true });
});
afterEach(() => output.clear());
afterAll(async () => {
  output.restore();
  await rm(folder, { recursive: true });
});

test('lipsync portrait prepare refuses what is no folder or video', async () => {
  expect(await prepare(file('missing'), file('store'))).toBe(2);
  expect(output.err).toContain('VIDEOS must be a folder of videos, or one video');
});

describe.skipIf(!there)(`lipsync portrait prepare${SKIPPED}`, () => {
  test('makes a file for each video, says what it left out, and makes the same again from its landmarks', async () => {
    await writeTalkingFace(file('videos/deep/talk.mp4'), { seed: 1, personSeed: 2, durationSec: 1.2 });
    await writeFile(file('videos/broken.mp4'), 'this is no video');
    expect(await prepare(file('videos'), file('store'), '--json')).toBe(0);
    const manifest = JSON.parse(output.out) as PortraitManifest;
    expect(manifest.clips).toMatchObject([{ file: 'deep__talk.mp4.safetensors', source: 'deep/talk.mp4' }]);
    expect(manifest.dropped.map(({ source }) => source)).toEqual(['broken.mp4']);
    expect(manifest.error.person).toBeLessThan(0.02);
    const stored = file('store/deep__talk.mp4.safetensors');
    const { track, fps, audio } = await loadPortraitClip(stored);
    expect([fps, audio.sampleRate, track.frameCount]).toEqual([25, 16000, manifest.clips[0].frameCount]);
    expect(audio.samples.length).toBeGreaterThan(18_000);
    const [bytes, listed] = [await readFile(stored), await readFile(file('store/manifest.json'), 'utf8')];
    expect(await readdir(file('store/landmarks'))).toEqual(['deep__talk.mp4.landmarks.json']);
    await rm(stored); // as after kill -9
    expect(await prepare(file('videos'), file('store'))).toBe(0);
    expect(await readFile(stored)).toEqual(bytes);
    expect(await readFile(file('store/manifest.json'), 'utf8')).toBe(listed);
    expect(output.err).toContain('left out: broken.mp4');
  }, 120_000);
});
