import { expect, test } from 'vitest';
import { loadTransformers } from './load-transformers';

const whole = { AutoModelForCTC: {}, AutoTokenizer: {}, AutoFeatureExtractor: {}, Tensor: class {} };

test('loadTransformers takes either form of the module', async () => {
  const asked: string[] = [];
  const load = (found: unknown) => async (name: string) => {
    asked.push(name);
    return found;
  };
  expect(await loadTransformers(load(whole))).toBe(whole);
  expect(await loadTransformers(load({ default: whole }))).toBe(whole);
  expect(asked).toEqual(['@huggingface/transformers', '@huggingface/transformers']);
});

test('loadTransformers says what to install', async () => {
  const missing = async (name: string) => {
    throw new Error(`Cannot find package '${name}'\nand a stack`);
  };
  await expect(loadTransformers(missing)).rejects.toThrow(
    'createCtcFeatures: @huggingface/transformers must be installed (ONNXRUNTIME_NODE_INSTALL=skip npm install @huggingface/transformers@4) or given as ' +
      "the option transformers, got Cannot find package '@huggingface/transformers'",
  );
  await expect(loadTransformers(async () => ({ Tensor: class {} }))).rejects.toThrow(
    'got a package without AutoModelForCTC',
  );
});
