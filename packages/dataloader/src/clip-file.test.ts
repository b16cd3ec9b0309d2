import { truncate, writeFile } from 'node:fs/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { madeClip, temporaryFolder } from '../fixtures/made-clips';
import { decodeClip, encodeClip, readClipInfo } from './clip-file';

let folder: string;
let remove: () => Promise<void>;
beforeAll(async () => ({ folder, remove } = await temporaryFolder()));
afterAll(() => remove());

test('a clip comes back from its bytes, which are always the same', () => {
  const clip = { ...madeClip('a.mp4.t0.s0', 7, 3), firstFrame: 15, score: 0.75, sourceSha256: 'ab' };
  const bytes = encodeClip(clip);
  expect(decodeClip(bytes, clip.id)).toEqual(clip);
  expect(encodeClip({ ...clip })).toEqual(bytes);
  expect(new TextDecoder().decode(bytes.subarray(0, 700))).not.toContain(folder);
});

test('readClipInfo reads the header alone and says the same', async () => {
  const clip = { ...madeClip('a.mp4.t1.s2', 7, 3), score: 0.75 };
  await writeFile(`${folder}/a`, encodeClip(clip));
  const { frames: _f, mel, landmarks: _l, poses: _p, ...info } = clip;
  expect(await readClipInfo(`${folder}/a`, clip.id)).toEqual({ ...info, melSteps: mel.steps });
});

test('readClipInfo refuses a file that was cut off, is another clip or no clip at all', async () => {
  const clip = madeClip('a.mp4.t0.s0', 7);
  await writeFile(`${folder}/b`, encodeClip(clip));
  await expect(readClipInfo(`${folder}/b`, 'b.mp4.t0.s0')).rejects.toThrow('in the file of its own name, got the clip a.mp4.t0.s0');
  await truncate(`${folder}/b`, encodeClip(clip).length - 1);
  await expect(readClipInfo(`${folder}/b`, clip.id)).rejects.toThrow('readClipInfo: a.mp4.t0.s0 must be');
  await truncate(`${folder}/b`, 5);
  await expect(readClipInfo(`${folder}/b`, clip.id)).rejects.toThrow('a whole clip file');
  await writeFile(`${folder}/c`, 'a text that is longer than eight bytes');
  await expect(readClipInfo(`${folder}/c`, clip.id)).rejects.toThrow('a whole clip file');
});

test('decodeClip refuses a clip whose arrays do not belong together', () => {
  const clip = madeClip('a.mp4.t0.s0', 7);
  expect(() => decodeClip(encodeClip({ ...clip, poses: new Float32Array(4), landmarks: clip.landmarks }), clip.id)).toThrow();
});
