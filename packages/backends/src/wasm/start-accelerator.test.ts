import { afterEach, expect, test } from 'vitest';
import type { WasmBackend } from './heap';
import { native, useNative } from './native';
import { startAccelerator } from './start-accelerator';

const backend = { wasm: { HEAPU8: new Uint8Array(64) } } as unknown as WasmBackend;
const setting = process.env.LIPSYNC_ACCELERATOR;

afterEach(() => {
  if (setting === undefined) delete process.env.LIPSYNC_ACCELERATOR;
  else process.env.LIPSYNC_ACCELERATOR = setting;
});

test('none removes the accelerator', async () => {
  useNative(backend, {} as never);
  expect(await startAccelerator(backend, 2, 'none')).toBeNull();
  expect(native(backend)).toBeNull();
});

test('where the accelerator is switched off, auto gives the reason and onednn throws', async () => {
  process.env.LIPSYNC_ACCELERATOR = '0';
  expect(await startAccelerator(backend, 2, 'auto')).toEqual({ missing: 'switched off by LIPSYNC_ACCELERATOR=0' });
  expect(native(backend)).toBeNull();
  await expect(startAccelerator(backend, 2, 'onednn')).rejects.toThrow(
    'the accelerator is missing: switched off by LIPSYNC_ACCELERATOR=0',
  );
});
