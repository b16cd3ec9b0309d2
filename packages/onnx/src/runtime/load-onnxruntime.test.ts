import { expect, test } from 'vitest';
import { describeOnnxRuntime, loadOnnxRuntime, type OnnxRuntime } from './load-onnxruntime';

const runtime = { InferenceSession: { create: async () => ({}) }, Tensor: class {} } as unknown as OnnxRuntime;
const missing = (name: string) =>
  Object.assign(new Error(`Cannot find package '${name}'`), { code: 'ERR_MODULE_NOT_FOUND' });

test('loadOnnxRuntime takes onnxruntime-node before onnxruntime-web, and either form of a module', async () => {
  const asked: string[] = [];
  const load = (found: Record<string, unknown>) => async (name: string) => {
    asked.push(name);
    if (!(name in found)) throw missing(name);
    return found[name];
  };
  expect(await loadOnnxRuntime(load({ 'onnxruntime-node': runtime, 'onnxruntime-web': {} }))).toBe(runtime);
  expect(await loadOnnxRuntime(load({ 'onnxruntime-web': { default: runtime } }))).toBe(runtime);
  expect(asked).toEqual(['onnxruntime-node', 'onnxruntime-node', 'onnxruntime-web']);
});

test('loadOnnxRuntime says what to install', async () => {
  const load = async (name: string) => {
    throw missing(name);
  };
  await expect(loadOnnxRuntime(load)).rejects.toThrow(
    "createOnnxExpert: onnxruntime must be installed (ONNXRUNTIME_NODE_INSTALL=skip npm install onnxruntime-node@1.30.0) or given as the option ort, got onnxruntime-node: Cannot find package 'onnxruntime-node'; onnxruntime-web: Cannot find",
  );
  await expect(loadOnnxRuntime(async () => ({}))).rejects.toThrow('onnxruntime-node: no InferenceSession in it');
});

test.each([
  [{ node: '1.30.0' }, 'onnxruntime-node 1.30.0'],
  [{ web: '1.22.0' }, 'onnxruntime-web 1.22.0'],
  [{}, 'onnxruntime'],
])('describeOnnxRuntime of versions %j', (versions, description) => {
  expect(describeOnnxRuntime({ ...runtime, env: { versions } })).toBe(description);
});
