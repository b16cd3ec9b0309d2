import { createHash } from 'node:crypto';
import { selectBackend } from '@lipsync/backends';
import { decodeSafetensors, encodeSafetensors } from '@lipsync/checkpoints';
import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, test } from 'vitest';
import { formulaStateDict } from '../../../../tests/support/formula-weights';
import { WAV2LIP, type Wav2LipConfig } from '../network/config';
import { Wav2LipGenerator } from '../network/generator';
import { Wav2LipDiscriminator } from '../network/quality-discriminator';
import { loadWav2Lip, saveWav2Lip, wav2lipMetadata } from './weights';

beforeAll(async () => {
  await selectBackend({ backend: 'wasm' });
});

/** The config of `save` in reference/wav2lip.py. */
const SAVED: Wav2LipConfig = { ...WAV2LIP, width: 1 / 128, size: 32 };

test('what is saved is loaded: config, crop, weights and hash', async () => {
  const net = new Wav2LipGenerator({ ...SAVED, audioWindow: 'as published' }, { seed: 5 });
  net.crop = { kind: 'dinet head', mouth: 64 };
  const bytes = await saveWav2Lip(net, { trained: 'on nothing', wav2lip: 'not this' });
  expect(decodeSafetensors(bytes).metadata).toEqual({ ...wav2lipMetadata(net), trained: 'on nothing' });
  const loaded = await loadWav2Lip(bytes);
  expect([loaded.config, loaded.crop, loaded.training]).toEqual([net.config, net.crop, false]);
  expect(loaded.recipe.audio.firstFrame).toBe(0);
  expect(loaded.weightsHash).toBe(createHash('sha256').update(bytes).digest('hex'));
  expect(await loaded.stateDict()).toEqual(await net.stateDict());
  const trained = await loadWav2Lip(bytes, { audioWindow: 'as trained' });
  expect(trained.recipe.audio.firstFrame).toBe(-1);
  for (const each of [net, loaded, trained]) each.dispose();
});

describe('PyTorch files', () => {
  test.each(['wav2lip.pth', 'wav2lip-legacy.pth'])('%s loads by name, its sizes by its shapes', async (name) => {
    const net = await loadWav2Lip(new URL(`../../fixtures/${name}`, import.meta.url).pathname);
    expect(net.config).toEqual(SAVED);
    expect(net.crop).toEqual({ kind: 'face box', size: 96, rows: 'all' });
    const state = await net.stateDict();
    const wanted = formulaStateDict([...state].map(([key, { shape }]) => [key, shape] as const));
    for (const [key, { data }] of state) expect([...data]).toEqual([...wanted.get(key)!.data]);
    net.dispose();
  });
});

describe('refusals', () => {
  test('a file of another network is named', async () => {
    const judge = new Wav2LipDiscriminator({ width: 1 / 64, size: 32, seed: 0 });
    const bytes = encodeSafetensors(await judge.stateDict());
    judge.dispose();
    await expect(loadWav2Lip(bytes)).rejects.toThrow(
      "loadWav2Lip: the file must be one with the parameters of Wav2Lip's generator, got those of Wav2Lip’s visual-quality discriminator",
    );
  });

  test('missing names are listed, and no tensor is left', async () => {
    const net = new Wav2LipGenerator(SAVED, { seed: 5 });
    const { tensors, metadata } = decodeSafetensors(await saveWav2Lip(net));
    net.dispose();
    tensors.delete('face_decoder_blocks.3.1.conv_block.0.bias');
    const before = tf.memory().numTensors;
    await expect(loadWav2Lip(encodeSafetensors(tensors, metadata))).rejects.toThrow(
      '1 missing: face_decoder_blocks.3.1.conv_block.0.bias',
    );
    expect(tf.memory().numTensors).toBe(before);
    const broken = encodeSafetensors(tensors, { ...metadata, wav2lip: '{' });
    await expect(loadWav2Lip(broken)).rejects.toThrow("the file's wav2lip metadata must be JSON, got {");
  });

  test('a crop that no generator takes', async () => {
    const net = new Wav2LipGenerator(SAVED, { seed: 5 });
    const state = await net.stateDict();
    const bytes = encodeSafetensors(state, { ...wav2lipMetadata(net), crop: '{"kind":"whole frame"}' });
    net.dispose();
    await expect(loadWav2Lip(bytes)).rejects.toThrow("the file's crop metadata must be one of face box, dinet head");
  });
});
