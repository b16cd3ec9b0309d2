import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { beep, ffmpeg, flash, H264_AAC, make, SKIPPED, temporaryFolder } from '../testing/clips';
import { firstFrameDelay } from './edit-list';

const folder = temporaryFolder();
const file = (name: string) => join(folder, name);

/** Moves the start of the first edit of the first track. */
function moveEdit(from: string, to: string, seconds: number): void {
  const bytes = readFileSync(from);
  const clock = bytes.readUInt32BE(bytes.indexOf('mdhd') + 16);
  const start = bytes.indexOf('elst') + 16;
  bytes.writeInt32BE(bytes.readInt32BE(start) + Math.round(seconds * clock), start);
  writeFileSync(to, bytes);
}

describe.skipIf(!ffmpeg)(`firstFrameDelay${SKIPPED}`, () => {
  test('is the rest of the frame in which the edit begins', async () => {
    for (const ending of ['mp4', 'mov']) {
      const path = file(`plain.${ending}`);
      await make(...flash(25), ...beep(), ...H264_AAC, path);
      expect(await firstFrameDelay(path, 0)).toBe(0);
      for (const [seconds, delay] of [
        [0.01, 30_000],
        [0.04, 0],
        [0.73, 30_000],
      ]) {
        moveEdit(path, file(`moved.${ending}`), seconds);
        expect(Math.abs((await firstFrameDelay(file(`moved.${ending}`), 0)) - delay)).toBeLessThanOrEqual(100);
      }
      expect(await firstFrameDelay(path, 1)).toBe(0); // audio
      expect(await firstFrameDelay(path, 7)).toBe(0);
    }
  });

  test('is 0 for fragments, and for what is no such file', async () => {
    await make(...flash(25), ...H264_AAC, '-movflags', 'frag_keyframe+empty_moov', file('fragments.mp4'));
    writeFileSync(
      file('noise.mp4'),
      Buffer.from(Array.from({ length: 4096 }, (_, index) => (index * 2_654_435_761) >>> 24)),
    );
    writeFileSync(file('short.mp4'), readFileSync(file('plain.mp4')).subarray(0, 60));
    for (const name of ['fragments.mp4', 'noise.mp4', 'short.mp4'])
      expect(await firstFrameDelay(file(name), 0)).toBe(0);
  });
});
