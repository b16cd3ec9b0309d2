import { expect, test } from 'vitest';
import { withClipId } from './with-clip-id';

test('errors of a clip carry its id once', async () => {
  await expect(withClipId('x.mp4', () => Promise.reject(new Error('full')))).rejects.toThrow(/^clip x\.mp4: full$/);
  await expect(withClipId('x.mp4', () => Promise.reject(new Error('x.mp4 is full')))).rejects.toThrow(
    /^x\.mp4 is full$/,
  );
  expect(await withClipId('x.mp4', async () => 3)).toBe(3);
});
