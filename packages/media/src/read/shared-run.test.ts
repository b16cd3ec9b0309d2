import { describe, expect, test } from 'vitest';
import { ffmpeg, SKIPPED } from '../testing/clips';
import { startSharedRun } from './shared-run';

/** Frames of 256 bytes, 25 a second, and audio of 16000 bytes a second. */
const source = (seconds: number) => [
  ...[
    '-f',
    'lavfi',
    '-t',
    String(seconds),
    '-i',
    'color=gray:s=16x16:r=25',
    '-f',
    'lavfi',
    '-t',
    String(seconds),
    '-i',
    'sine=r=8000',
  ],
  ...['-map', '0:v', '-f', 'rawvideo', '-pix_fmt', 'gray', 'pipe:1', '-map', '1:a', '-f', 's16le', 'pipe:3'],
];
const start = (seconds: number, keepBytes: number, complete?: (messages: string) => boolean) =>
  startSharedRun(ffmpeg!.path, source(seconds), keepBytes, complete);
const later = (ms: number) => new Promise<'later'>((resolve) => setTimeout(resolve, ms, 'later'));

describe.skipIf(!ffmpeg)(`startSharedRun${SKIPPED}`, () => {
  test('audio can be read to its end while the frames are queued', async () => {
    const run = start(100, 1_000_000);
    expect(await run.audio.read(1_600_001)).toHaveLength(1_600_000);
    expect(await run.ended).toMatchObject({ code: 0, messages: '' });
    expect(run.frames.bytes).toBe(640_000);
    expect(await run.frames.read(640_001)).toHaveLength(640_000);
  });

  test('frames can be read to their end while the audio is not read', async () => {
    const run = start(100, 10_000_000);
    expect(await run.frames.read(640_001)).toHaveLength(640_000);
    expect(run.audio.bytes).toBe(1_600_000);
  });

  test('where too many frames would be queued the run is given up and waiting reads end', async () => {
    const run = start(1000, 200_000);
    expect(await run.audio.read(16_000_001)).toBeUndefined();
    expect(await run.frames.read(1)).toBeUndefined();
    expect((await run.ended).signal).toBe('SIGKILL');
  });

  test('where too much audio would be queued the audio is given up, and the frames continue', async () => {
    const run = start(100, 500_000);
    expect(await run.frames.read(640_001)).toHaveLength(640_000);
    expect(await run.audio.read(1)).toBeUndefined();
  });

  test('while no read waits ffmpeg blocks, and release ends it', async () => {
    const run = start(100_000, 1_000_000);
    await run.frames.read(256);
    await later(500);
    const [frameCount, audio] = [run.frames.bytes, run.audio.bytes];
    await later(300);
    expect(run.frames.bytes - frameCount).toBe(0);
    expect(run.audio.bytes - audio).toBe(0);
    expect(frameCount).toBeLessThan(2 ** 20 + 65_536);
    expect(audio).toBeLessThan(1_000_000 + 65_536);
    expect(await Promise.race([run.ended, later(0)])).toBe('later');
    await run.kill();
    await run.kill();
    expect((await run.ended).signal).toBe('SIGKILL');
  });

  test('described resolves when the messages are complete, or at the end, or with undefined', async () => {
    const early = start(100_000, 1_000_000, (messages) => messages.includes('never'));
    await early.kill();
    expect(await early.described).toBeUndefined();
    const whole = start(1, 1_000_000, () => false);
    expect(await whole.described).toMatch(/^Input #0, lavfi/);
    const missing = startSharedRun('/no/such/ffmpeg', [], 1, () => false);
    await expect(missing.ended).rejects.toThrow('ENOENT');
    expect(await missing.frames.read(1)).toHaveLength(0);
    expect(await missing.described).toBe('');
    await missing.kill();
  });
});
