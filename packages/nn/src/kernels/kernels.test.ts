import { expect, test } from 'vitest';
import { FUSED_KERNELS } from './kernels';

test('the fused kernels have other names than the kernels of tfjs', () => {
  for (const name of Object.values(FUSED_KERNELS)) expect(name).toMatch(/^Lipsync/);
  expect(new Set(Object.values(FUSED_KERNELS)).size).toBe(Object.values(FUSED_KERNELS).length);
});
