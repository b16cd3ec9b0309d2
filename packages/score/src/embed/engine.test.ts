import '@tensorflow/tfjs-backend-cpu';
import type { SyncExpert } from '@lipsync/contracts/tensors';
import type { Embedder } from '@lipsync/metrics';
import type { OnnxRuntime } from '@lipsync/onnx';
import * as tf from '@tensorflow/tfjs-core';
import { afterEach, expect, test, vi } from 'vitest';
import { chooseOnnxRuntime, type EngineOptions, engineFor, engineOf, inOnnxRuntime } from './engine';

const runtime = { InferenceSession: {}, Tensor: class {} } as unknown as OnnxRuntime;
const here = async () => runtime;
const missing = async () => {
  throw new Error('onnxruntime must be installed (npm install …), got onnxruntime-node: Cannot find package');
};

afterEach(() => vi.unstubAllGlobals());

test.each<[Parameters<typeof chooseOnnxRuntime>[1], boolean]>([
  [{}, true],
  [{ engine: 'auto', backend: 'auto' }, true],
  [{ engine: 'onnxruntime' }, true],
  [{ engine: 'onnxruntime', backend: 'wasm' }, true],
  [{ engine: 'tfjs' }, false],
  [{ backend: 'webgpu' }, false],
  [{ accelerator: 'onednn' }, false],
  [{ accelerator: 'none' }, true],
])('with onnxruntime installed, %j takes it: %s', async (choice, taken) => {
  expect(await chooseOnnxRuntime('f', choice, here)).toBe(taken ? runtime : undefined);
});

test('without onnxruntime, auto takes TensorFlow.js and onnxruntime by name says what to install', async () => {
  const lines: string[] = [];
  const log = (line: string) => void lines.push(line);
  expect(await chooseOnnxRuntime('f', { log }, missing)).toBeUndefined();
  expect(lines).toEqual([]);
  await expect(chooseOnnxRuntime('f', { engine: 'onnxruntime' }, missing)).rejects.toThrow(
    'f: options.engine must be one that is installed, got onnxruntime: onnxruntime must be installed (npm install …)',
  );
  const broken = async () => {
    throw new Error('libonnxruntime.so.1: wrong ELF class');
  };
  expect(await chooseOnnxRuntime('f', { log }, broken)).toBeUndefined();
  expect(lines).toEqual(['onnxruntime does not start: libonnxruntime.so.1: wrong ELF class']);
});

test('the module that is given comes before the one of the page, and that before an import', async () => {
  const [given, page] = [{ ...runtime }, { ...runtime }];
  vi.stubGlobal('ort', page);
  expect(await chooseOnnxRuntime('f', { ort: given }, here)).toBe(given);
  expect(await chooseOnnxRuntime('f', {}, here)).toBe(page);
});

test('chooseOnnxRuntime refuses an unknown engine', async () => {
  await expect(chooseOnnxRuntime('f', { engine: 'torch' as never }, here)).rejects.toThrow(
    'f: options.engine must be one of auto, onnxruntime, tfjs, got torch',
  );
});

const facts = (engine?: string) => ({ engine }) as SyncExpert;
test.each<[string, EngineOptions & { expert?: SyncExpert | Embedder }, string]>([
  ['none is auto while no backend is set', {}, 'auto'],
  ['one that runs in TensorFlow.js stays there', { expert: facts() }, 'tfjs'],
  ['one that runs in onnxruntime takes the faces there', { expert: facts('onnxruntime-node 1') }, 'onnxruntime'],
  [
    'an embedder counts by what it embeds with',
    { expert: { expert: facts('x') } as unknown as Embedder },
    'onnxruntime',
  ],
  ['a given module is asked for', { ort: runtime }, 'onnxruntime'],
  ['the option decides', { engine: 'tfjs', expert: facts('x') }, 'tfjs'],
])('the engine for an expert: %s', (_, options, engine) => {
  expect(engineFor(options)).toBe(engine);
});

test('the engine is TensorFlow.js once the application has set a backend', async () => {
  await tf.setBackend('cpu');
  expect(engineFor({})).toBe('tfjs');
  expect(engineOf(facts())).toBe(`TensorFlow.js ${tf.version_core} (cpu)`);
  expect(engineOf(facts('onnxruntime-web 1.22.0'))).toBe('onnxruntime-web 1.22.0');
});

test('inOnnxRuntime leaves an expert that runs there, and disposes one that cannot', async () => {
  const fast = facts('onnxruntime-node 1');
  expect(await inOnnxRuntime(fast, {})).toBe(fast);
  const dispose = vi.fn();
  await expect(inOnnxRuntime({ training: true, dispose } as never, { ort: runtime })).rejects.toThrow(
    'in evaluation mode',
  );
  expect(dispose).toHaveBeenCalledOnce();
});
