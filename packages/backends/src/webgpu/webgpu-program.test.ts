import { expect, test } from 'vitest';
import { info, recordingBackend } from '../testing/webgpu';
import { runShader, sizeOf } from './webgpu-program';

test('a shader gets tensors as flat arrays and numbers as uniforms, and the result has the given shape', () => {
  const backend = recordingBackend();
  const x = info(2, 3, 4);
  const out = runShader(backend, [6, 4], {
    key: 'twice',
    code: 'fn run(workgroup: i32, local: i32) {}',
    inputs: { x },
    vectors: ['x', 'result'],
    integers: { count: 24 },
    floats: { factor: 2.5 },
    workgroups: 3,
    invocations: 64,
  });
  expect(out.shape).toEqual([6, 4]);
  const [{ program, inputs, uniforms, wgsl }] = backend.calls;
  expect(inputs).toEqual([{ ...x, shape: [24] }]);
  expect(uniforms).toEqual({ count: 24, factor: 2.5 });
  expect(program).toMatchObject({
    variableNames: ['x'],
    variableComponents: [4],
    outputComponent: 4,
    outputShape: [24],
    workgroupSize: [64, 1, 1],
    dispatch: [3, 1, 1],
    uniforms: 'count: i32, factor: f32, ',
  });
  expect(wgsl).toMatch(/fn main\(index: i32\)/);
});

test('shaders that read vectors have another key than those that read scalars', () => {
  const backend = recordingBackend();
  for (const vectors of [[], ['x'], ['x', 'result']])
    runShader(backend, [4], { key: 'k', code: '', inputs: { x: info(4) }, vectors, workgroups: 1 });
  expect(new Set(backend.calls.map(({ program }) => program.shaderKey)).size).toBe(3);
});

test('sizeOf multiplies; a scalar has one element', () => {
  expect([sizeOf([2, 3, 4]), sizeOf([]), sizeOf([0, 3])]).toEqual([24, 1, 0]);
});
