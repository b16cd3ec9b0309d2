import { describe, expect, test } from 'vitest';
import { ffmpeg, SKIPPED } from '../testing/clips';
import { lastLine, runFfmpeg } from './run-ffmpeg';

test('lastLine gives the last informative message, without addresses', () => {
  const messages =
    'first\n[h264 @ 0x55d0c8] broken\n    Last message repeated 3 times\nframe=   1 fps=0\nConversion failed!\n';
  expect(lastLine({ code: 1, messages })).toBe('[h264] broken');
  expect(lastLine({ signal: 'SIGKILL', messages: '' })).toBe('killed by SIGKILL; no message');
});

describe.skipIf(!ffmpeg)(`runFfmpeg${SKIPPED}`, () => {
  test('a killed run reports it, and killing twice is safe', async () => {
    const run = runFfmpeg(ffmpeg!.path, ['-nostdin', '-v', 'error', '-f', 'lavfi', '-i', 'color', '-f', 'null', '-']);
    await run.kill();
    await run.kill();
    expect(await run.ended).toMatchObject({ code: undefined, signal: 'SIGKILL' });
  });

  test('keeps a bounded part of many messages', async () => {
    const source = 'aevalsrc=0:d=10,asetnsamples=64,ashowinfo';
    const run = runFfmpeg(ffmpeg!.path, ['-nostdin', '-f', 'lavfi', '-i', source, '-f', 'null', '-']);
    run.stdout.resume();
    const { messages, code } = await run.ended;
    expect(code).toBe(0);
    expect(messages.length).toBeLessThan(200_000);
    expect(messages).toContain('Input #0');
  });

  test('a missing program rejects and does not hang', async () => {
    const run = runFfmpeg('/no/such/ffmpeg', []);
    await expect(run.ended).rejects.toThrow('ENOENT');
    await run.kill();
  });
});
