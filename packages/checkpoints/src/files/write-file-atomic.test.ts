import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { writeFileAtomic } from './write-file-atomic';

const disk = vi.hoisted(() => ({ full: false }));
vi.mock('node:fs/promises', async (original) => {
  const real = await original<typeof import('node:fs/promises')>();
  const open: typeof real.open = async (...args) => {
    const file = await real.open(...args);
    if (disk.full)
      file.write = () => Promise.reject(Object.assign(new Error('no space left on device'), { code: 'ENOSPC' }));
    return file;
  };
  return { ...real, open };
});

describe('writeFileAtomic', () => {
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'lipsync-nn-'));
  });
  afterAll(() => rm(folder, { recursive: true }));

  test('writes text, bytes and pieces, and leaves nothing else in the folder', async () => {
    const path = join(folder, 'file');
    await writeFileAtomic(path, 'héllo');
    expect(await readFile(path, 'utf8')).toBe('héllo');
    await writeFileAtomic(path, Uint8Array.of(1, 2, 3).subarray(1));
    expect([...(await readFile(path))]).toEqual([2, 3]);
    await writeFileAtomic(path, [Uint8Array.of(1), new Uint8Array(), Uint8Array.of(2, 3)]);
    expect([...(await readFile(path))]).toEqual([1, 2, 3]);
    expect(await readdir(folder)).toEqual(['file']);
    await rm(path);
  });

  test('keeps the old file while the new one is being written, and after a failure in the middle', async () => {
    const path = join(folder, 'file');
    await writeFile(path, 'old');
    async function* failing() {
      yield Uint8Array.of(1);
      expect(await readFile(path, 'utf8')).toBe('old');
      expect((await readdir(folder)).length).toBe(2);
      throw new Error('source broke');
    }
    await expect(writeFileAtomic(path, failing())).rejects.toThrow('source broke');
    expect(await readFile(path, 'utf8')).toBe('old');
    expect(await readdir(folder)).toEqual(['file']);
    await rm(path);
  });

  test('says that the disk is full and cleans up', async () => {
    const path = join(folder, 'file');
    disk.full = true;
    await expect(writeFileAtomic(path, 'new')).rejects.toThrow(
      /writeFileAtomic: path must be on a disk with room, got .*file \(ENOSPC after 0 bytes\)/,
    );
    disk.full = false;
    expect(await readdir(folder)).toEqual([]);
  });

  test('passes on the error of a folder that is not there', async () => {
    await expect(writeFileAtomic(join(folder, 'none', 'file'), 'x')).rejects.toThrow(/ENOENT/);
  });

  test('two writers at once leave one whole file', async () => {
    const path = join(folder, 'file');
    const contents = ['a'.repeat(1e6), 'b'.repeat(1e6)];
    await Promise.all(contents.map((content) => writeFileAtomic(path, content)));
    expect(contents).toContain(await readFile(path, 'utf8'));
    expect(await readdir(folder)).toEqual(['file']);
  });
});
