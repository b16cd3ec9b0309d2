import type { SyncExpert } from '@lipsync/contracts/tensors';
import { afterEach, expect, test, vi } from 'vitest';
import { assertPretrained, pretrainedWeights } from './pretrained-weights';

// As a bundler rewrites the package's addresses.
vi.mock('@lipsync/pretrained', () => ({
  EXPERT_SHA256: 'ab'.repeat(32),
  EXPERT_FILES: { safetensors: { url: new URL('https://example.org/assets/expert-1a2b.safetensors'), bytes: 3 } },
}));
afterEach(() => vi.unstubAllGlobals());

test('pretrainedWeights fetches the file as a whole outside Node', async () => {
  const fetched = vi.fn(async () => new Response(Uint8Array.of(1, 2, 3)));
  vi.stubGlobal('fetch', fetched);
  expect(await pretrainedWeights()).toEqual(Uint8Array.of(1, 2, 3));
  expect(fetched.mock.calls).toEqual([[new URL('https://example.org/assets/expert-1a2b.safetensors')]]);
});

test('pretrainedWeights says which file must lie where', async () => {
  const rule =
    'loadExpert: https://example.org/assets/expert-1a2b.safetensors must be the file data/expert.safetensors of @lipsync/pretrained';
  vi.stubGlobal('fetch', async () => new Response('', { status: 404, statusText: 'Not Found' }));
  await expect(pretrainedWeights()).rejects.toThrow(rule);
  await expect(pretrainedWeights()).rejects.toThrow('got 404 Not Found');
  vi.stubGlobal('fetch', async () => new Response('<!doctype html>'));
  await expect(pretrainedWeights()).rejects.toThrow('got 15 bytes in place of 3');
  vi.stubGlobal('fetch', async () => {
    throw new TypeError('fetch failed');
  });
  await expect(pretrainedWeights()).rejects.toThrow('got fetch failed');
});

test('assertPretrained refuses a file of another version, and disposes what was loaded', async () => {
  const dispose = vi.fn();
  const own = { weightsHash: 'ab'.repeat(32), dispose } as unknown as SyncExpert;
  expect(await assertPretrained(own)).toBe(own);
  expect(dispose).not.toHaveBeenCalled();
  await expect(assertPretrained({ ...own, weightsHash: 'cd'.repeat(32) })).rejects.toThrow(
    'must be the file of @lipsync/pretrained whose SHA-256 begins with abababababab, got cdcdcdcdcdcd',
  );
  expect(dispose).toHaveBeenCalledOnce();
});
