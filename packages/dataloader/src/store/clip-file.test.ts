import { truncate, writeFile } from 'node:fs/promises';
import { Random } from '@lipsync/nn';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { decodeClip } from '../testing/decode-clip';
import { madeClip, temporaryFolder } from '../testing/made-clips';
import { encodeClip, openClipFile, readClipInfo } from './clip-file';

let folder: string;
let remove: () => Promise<void>;
beforeAll(async () => ({ folder, remove } = await temporaryFolder()));
afterAll(() => remove());

test('a clip comes back from its bytes, which are always the same', async () => {
  const clip = {
    ...madeClip('a.mp4.t0.s0', 57, 3),
    firstFrame: 15,
    score: 0.75,
    sourceSha256: 'ab',
    person: 'Ann',
    faceEmbedding: new Float32Array(128).fill(0.5),
  };
  const bytes = await encodeClip(clip);
  expect(await decodeClip(bytes, clip.id)).toEqual(clip);
  expect(Buffer.compare(await encodeClip({ ...clip }), bytes)).toBe(0);
  expect(new TextDecoder().decode(bytes.subarray(0, 1500))).not.toContain(folder);
});

test('readClipInfo reads the header only and gives the same facts', async () => {
  const clip = { ...madeClip('a.mp4.t1.s2', 7, 3), score: 0.75 };
  await writeFile(`${folder}/a`, await encodeClip(clip));
  const { frames: _f, features, audio: _s, landmarks: _l, poses: _p, ...info } = clip;
  expect(await readClipInfo(`${folder}/a`, clip.id)).toEqual({ ...info, featureSteps: features.steps });
});

test('readClipInfo refuses a file that was cut off, is another clip or no clip at all', async () => {
  const clip = madeClip('a.mp4.t0.s0', 7);
  const bytes = await encodeClip(clip);
  await writeFile(`${folder}/b`, bytes);
  await expect(readClipInfo(`${folder}/b`, 'b.mp4.t0.s0')).rejects.toThrow(
    'in the file of its own name, got the clip a.mp4.t0.s0',
  );
  await truncate(`${folder}/b`, bytes.length - 1);
  await expect(readClipInfo(`${folder}/b`, clip.id)).rejects.toThrow('readClip: a.mp4.t0.s0 must be');
  await truncate(`${folder}/b`, 5);
  await expect(readClipInfo(`${folder}/b`, clip.id)).rejects.toThrow('a whole clip file');
  await writeFile(`${folder}/c`, 'a text that is longer than eight bytes');
  await expect(readClipInfo(`${folder}/c`, clip.id)).rejects.toThrow('a whole clip file');
});

test('a large file is opened without its frames, which are decoded by the second', async () => {
  const noise = new Random(3);
  const clip = {
    ...madeClip('a.mp4.t0.s0', 60),
    height: 96,
    width: 96,
    frames: Uint8Array.from({ length: 60 * 96 * 96 * 3 }, () => noise.integer(256)),
  };
  const bytes = await encodeClip(clip);
  expect(bytes.length).toBeGreaterThan(1 << 20);
  await writeFile(`${folder}/d`, bytes);
  const open = await openClipFile(`${folder}/d`, clip.id);
  expect(open.bytes).toBeLessThan(200_000);
  expect(open.chunks).toBe(3);
  const frame = 96 * 96 * 3;
  for (const [index, from, to] of [
    [2, 50, 60],
    [0, 0, 25],
  ]) {
    expect(Buffer.compare(await open.chunk(index), clip.frames.subarray(from * frame, to * frame))).toBe(0);
  }
  expect([open.features.data, open.audio, open.landmarks, open.poses]).toEqual([
    clip.features.data,
    clip.audio,
    clip.landmarks,
    clip.poses,
  ]);
});

test('openClipFile refuses damaged frames and tables by name', async () => {
  const clip = madeClip('a.mp4.t0.s0', 7);
  const whole = await encodeClip(clip);
  const start = 8 + Number(new DataView(whole.buffer).getBigUint64(0, true));
  const header = JSON.parse(new TextDecoder().decode(whole.subarray(8, start)));
  const frames = whole.slice();
  frames.fill(255, start + header.frames.data_offsets[0], start + header.frames.data_offsets[1]);
  await writeFile(`${folder}/e`, frames);
  await expect((await openClipFile(`${folder}/e`, clip.id)).chunk(0)).rejects.toThrow(
    'decodeChunk: packed must be 7 frames of 6 x 6',
  );
  const ends = whole.slice();
  ends[start + header.chunk_ends.data_offsets[0]] ^= 1;
  await writeFile(`${folder}/f`, ends);
  await expect(openClipFile(`${folder}/f`, clip.id)).rejects.toThrow(
    'readClip: a.mp4.t0.s0: chunk_ends must be 1 rising ends of chunks',
  );
});

test('encodeClip refuses arrays that do not fit their count', async () => {
  await expect(encodeClip({ ...madeClip('a.mp4.t0.s0', 7), poses: new Float32Array(4) })).rejects.toThrow('poses');
});

test('logits come back where a clip has them', async () => {
  const logits = { data: Float32Array.from({ length: 7 * 29 }, (_, i) => i / 3), steps: 7, bins: 29 };
  const bytes = await encodeClip({ ...madeClip('a.mp4.t0.s0', 8), logits });
  expect((await decodeClip(bytes, 'a.mp4.t0.s0')).logits).toEqual(logits);
  expect(await decodeClip(await encodeClip(madeClip('a.mp4.t0.s0', 8)), 'a.mp4.t0.s0')).not.toHaveProperty('logits');
  const { folder, remove } = await temporaryFolder();
  await writeFile(`${folder}/a`, bytes);
  expect((await readClipInfo(`${folder}/a`, 'a.mp4.t0.s0')).logitSteps).toBe(7);
  const narrow = await encodeClip({ ...madeClip('a.mp4.t0.s0', 8), logits: { ...logits, steps: 29, bins: 7 } });
  await expect(decodeClip(narrow, 'a.mp4.t0.s0')).rejects.toThrow(
    'readClip: a.mp4.t0.s0: logits must be of shape [steps, 29], got [29, 7]',
  );
  await remove();
});
