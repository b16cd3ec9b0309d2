import { expect, test } from 'vitest';
import { info, recordingBackend } from '../testing/webgpu';
import { sumSharers, webgpuGroupNorm } from './webgpu-group-norm';

const run = (activation: 'none' | 'silu', groups = 4) => {
  const backend = recordingBackend();
  const inputs = { x: info(2, 5, 7, 12), gamma: info(12), beta: info(12) };
  return { backend, outputs: webgpuGroupNorm({ inputs, backend, attrs: { groups, epsilon: 1e-6, activation } }) };
};

test('GroupNorm runs three programs and leaves only the result and the statistics', () => {
  const { backend, outputs } = run('silu');
  expect(outputs.map(({ shape }) => shape)).toEqual([
    [2, 5, 7, 12],
    [2, 4, 2],
  ]);
  expect(backend.calls.map(({ program }) => program.dispatch[0])).toEqual([2 * 2, 1, Math.ceil(840 / 256)]);
  expect([...backend.alive].sort()).toEqual(outputs.map(({ dataId }) => dataId).sort());
  expect(backend.calls[1].uniforms).toEqual({ count: 8, width: 3, epsilon: 1e-6 });
});

test('with and without SiLU are different shaders', () => {
  const [plain, silu] = (['none', 'silu'] as const).map((activation) => run(activation).backend.calls[2]);
  expect(plain.program.shaderKey).not.toBe(silu.program.shaderKey);
  expect([plain.wgsl.includes('exp('), silu.wgsl.includes('exp(')]).toEqual([false, true]);
});

test('groups that do not divide the channels are refused', () => {
  expect(() => run('none', 5)).toThrow('LipsyncGroupNorm: groups must be a divisor of 12 channels, got 5');
});

test('sumSharers halves until one invocation of each channel is left', () => {
  expect(sumSharers('sums')).toMatch(/half = 16; half > 0; half = half \/ 2/);
});
