import { expect, test } from 'vitest';
import { info, recordingBackend } from '../testing/webgpu';
import { webgpuGroupNormGradient } from './webgpu-group-norm-gradient';

test('the gradient of GroupNorm runs five programs and leaves only the three results', () => {
  const backend = recordingBackend();
  const inputs = {
    x: info(2, 5, 7, 12),
    gamma: info(12),
    beta: info(12),
    statistics: info(2, 4, 2),
    dy: info(2, 5, 7, 12),
  };
  const outputs = webgpuGroupNormGradient({ inputs, backend, attrs: { groups: 4, epsilon: 1e-6, activation: 'silu' } });
  expect(outputs.map(({ shape }) => shape)).toEqual([[2, 5, 7, 12], [12], [12]]);
  expect(backend.calls).toHaveLength(5);
  expect(backend.alive).toEqual(new Set(outputs.map(({ dataId }) => dataId)));
});

test('no shader binds more than the eight buffers that every device has', () => {
  const backend = recordingBackend();
  const inputs = { x: info(1, 4, 8), gamma: info(8), beta: info(8), statistics: info(1, 2, 2), dy: info(1, 4, 8) };
  webgpuGroupNormGradient({ inputs, backend, attrs: { groups: 2, epsilon: 1e-6, activation: 'none' } });
  expect(Math.max(...backend.calls.map((call) => call.inputs.length + 1))).toBeLessThanOrEqual(8);
});
