import { mkdtemp, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { AVAlignNet, LITE, recipeOf, saveAVAlignNet } from '@lipsync/avalignnet';
import { encodeSafetensors, openCheckpoint, readStateDict } from '@lipsync/checkpoints';
import { loadSyncNetwork, saveSyncNetwork, Wav2LipSyncNet } from '@lipsync/syncnet';
import '@tensorflow/tfjs-backend-cpu';
import { loadExpert } from '@lipsync/score';
import * as tf from '@tensorflow/tfjs-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { runLipsync } from '../terminal/run-lipsync';
import { type CapturedOutput, captureOutput } from '../testing/capture-output';
import { convertWeights } from './convert-weights';
import { inspectWeights } from './inspect-weights';

let folder: string;
let output: CapturedOutput;
const at = (name: string) => join(folder, name);

beforeAll(async () => {
  await tf.setBackend('cpu');
  folder = await mkdtemp(join(tmpdir(), 'lipsync-weights-'));
  const expert = new Wav2LipSyncNet({ seed: 1, width: 0.03125 });
  await writeFile(at('expert.safetensors'), await saveSyncNetwork(expert));
  const state = await expert.stateDict();
  await writeFile(
    at('bare.safetensors'),
    encodeSafetensors(new Map([...state].map(([name, array]) => [`module.${name}`, array]))),
  );
  expert.dispose();
  const net = new AVAlignNet(LITE, { seed: 1, recipe: recipeOf(LITE) });
  await writeFile(at('lite.safetensors'), await saveAVAlignNet(net));
  net.dispose();
  output = captureOutput();
});
afterAll(async () => {
  output.restore();
  await rm(folder, { recursive: true });
});

test('inspectWeights names the network, its size and its recipe', async () => {
  const report = await inspectWeights(at('bare.safetensors'));
  expect(report).toMatchObject({
    format: 'safetensors',
    network: { name: 'wav2lip' },
    recipe: { features: 'WAV2LIP_MEL', featureSteps: 16 },
    metadata: {},
  });
  const net = await loadSyncNetwork(at('expert.safetensors'));
  expect(report.parameters).toBe(net.parameterCount());
  net.dispose();
  const lite = await inspectWeights(at('lite.safetensors'));
  expect(lite.network?.name).toBe('avalignnet');
  expect(lite.configuration).toMatchObject({
    frameCount: LITE.input.frameCount,
    visual_encoder: { block_out_channels: LITE.visual_encoder.block_out_channels },
  });
});

test('inspectWeights counts frames of colours and of latents', async () => {
  const inspected = async (name: string, channels: number, input?: object) => {
    const zeros = (...shape: number[]) => ({
      shape,
      dtype: 'float32' as const,
      data: new Float32Array(tf.util.sizeFromShape(shape)),
    });
    const state = new Map(
      Object.entries({
        'visual_encoder.conv_in.weight': zeros(8, channels, 3, 3),
        'visual_encoder.norm_out.weight': zeros(8),
        'audio_encoder.conv_in.weight': zeros(8, 1, 3, 3),
      }),
    );
    await writeFile(at(name), encodeSafetensors(state, input ? { input: JSON.stringify(input) } : {}));
    return (await inspectWeights(at(name))).configuration;
  };
  expect(await inspected('pixels.safetensors', 48)).toMatchObject({ frameCount: 16 });
  expect(await inspected('latents.safetensors', 64)).toMatchObject({ frameCount: 16, channelsPerFrame: 4 });
  expect(await inspected('twelve.safetensors', 48, { frameCount: 12 })).toMatchObject({
    ...{ frameCount: 12, channelsPerFrame: 4 },
  });
  expect(await inspected('odd-channels.safetensors', 65)).not.toHaveProperty('frameCount');
});

test('inspectWeights takes DINet’s generator from its training file, and names what lies beside it', async () => {
  const file = new URL('../../../dinet/fixtures/published.pth', import.meta.url).pathname;
  const report = await inspectWeights(file);
  expect(report.network?.name).toBe('dinet');
  expect(report.others?.map(({ prefix, network }) => [prefix, network.name])).toEqual([
    ['state_dict.net_dI', 'dinet-discriminator'],
    ['state_dict.net_dV', 'dinet-discriminator'],
  ]);
  expect((await inspectWeights(file, 'state_dict.net_dI')).network?.name).toBe('dinet-discriminator');
});

test('inspectWeights lists the first parameters of an unknown file, and the known network that is nearest', async () => {
  const tensor = { dtype: 'float32' as const, shape: [1], data: new Float32Array(1) };
  await writeFile(
    at('odd.safetensors'),
    encodeSafetensors(
      new Map([
        ['netcnnlip.0.weight', tensor],
        ['x', tensor],
      ]),
    ),
  );
  const report = await inspectWeights(at('odd.safetensors'));
  expect(report.network).toBeUndefined();
  expect(report.nearest).toContain('SyncNet v2');
  expect(report.names).toEqual(['netcnnlip.0.weight', 'x']);
});

test('weights inspect names the tensors whose values are not finite', async () => {
  const { state } = await readStateDict(at('expert.safetensors'));
  const broken = new Map(
    [...state].map(([name, array]) => [name, { ...array, data: array.data.slice() } as typeof array]),
  );
  (broken.get('face_encoder.0.conv_block.0.weight') as { data: Float32Array }).data.fill(Number.NaN);
  (broken.get('audio_encoder.0.conv_block.0.bias') as { data: Float32Array }).data[0] = -Infinity;
  await writeFile(at('nan.safetensors'), encodeSafetensors(broken));
  expect((await inspectWeights(at('bare.safetensors'))).notFinite).toEqual({});
  const { notFinite } = await inspectWeights(at('nan.safetensors'));
  expect(Object.keys(notFinite)).toEqual(['audio_encoder.0.conv_block.0.bias', 'face_encoder.0.conv_block.0.weight']);
  expect(notFinite['audio_encoder.0.conv_block.0.bias']).toBe('1 of 1 values, the first -Infinity at 0');
  output.clear();
  expect(await runLipsync(['weights', 'inspect', at('nan.safetensors')])).toBe(0);
  expect(output.out).toContain('not finite: 2 of');
  await expect(loadSyncNetwork(at('nan.safetensors'))).rejects.toThrow('2 with values that are not finite');
});

test('convertWeights writes float16 under bare names with the recipe of the published network; the file loads', async () => {
  const result = await convertWeights(at('bare.safetensors'), at('half.safetensors'), { dtype: 'f16' });
  expect(result.bytes).toBeLessThan(0.65 * result.bytesBefore);
  const file = await openCheckpoint(at('half.safetensors'));
  expect(file.metadata).toMatchObject({ network: 'wav2lip' });
  expect(JSON.parse(file.metadata.recipe)).toMatchObject({ frameCount: 5, color: 'BGR' });
  expect([...file.tensors.keys()][0]).not.toContain('module.');
  await file.close();
  const [net, before] = [await loadSyncNetwork(at('half.safetensors')), await readStateDict(at('expert.safetensors'))];
  const name = 'face_encoder.0.conv_block.0.weight';
  const [a, b] = [
    (await net.stateDict()).get(name)?.data as Float32Array,
    before.state.get(name)?.data as Float32Array,
  ];
  // float16 rounds by up to 2^-11, 4.9e-4 of a value; measured 4.7e-4
  a.forEach((value, i) => expect(Math.abs(value - b[i])).toBeLessThan(1e-3 * Math.abs(b[i]) + 1e-7));
  net.dispose();
});

test('lipsync weights inspects and converts, overwrites only with --force, and refuses wrong words', async () => {
  expect(await runLipsync(['weights', 'inspect', at('bare.safetensors')])).toBe(0);
  expect(output.out).toContain('Wav2Lip’s lip-sync expert');
  output.clear();
  expect(await runLipsync(['weights', 'inspect', at('bare.safetensors'), '--json'])).toBe(0);
  expect(JSON.parse(output.out)).toMatchObject({ network: { name: 'wav2lip' } });
  expect(await runLipsync(['weights', 'convert', at('bare.safetensors'), at('half.safetensors')])).toBe(2);
  expect(output.err).toContain('OUT must be a new file (or give --force)');
  expect(await runLipsync(['weights', 'convert', at('bare.safetensors'), at('half.safetensors'), '--force'])).toBe(0);
  expect((await stat(at('half.safetensors'))).size).toBeGreaterThan(0.9 * (await stat(at('bare.safetensors'))).size);
  expect(await runLipsync(['weights', 'convert', at('bare.safetensors'), at('out.pth')])).toBe(2);
  expect(await runLipsync(['weights', 'polish'])).toBe(2);
  output.clear();
  expect(await runLipsync(['weights', 'fetch', '--list'])).toBe(0);
  expect(output.out).toContain('syncnet-v2');
  await writeFile(at('page.pth'), '<html>');
  expect(await runLipsync(['weights', 'inspect', at('page.pth')])).toBe(2);
  expect(output.err).toContain('lipsync weights inspect: FILE must be a torch, safetensors, npy or npz file');
});

test('loadExpert names the network of a file that holds another kind', async () => {
  const tensor = (side: number) => ({
    dtype: 'float32' as const,
    shape: [1, side, 1, 1],
    data: new Float32Array(side),
  });
  await writeFile(
    at('lpips.safetensors'),
    encodeSafetensors(
      new Map([
        ['lin1.model.1.weight', tensor(192)],
        ['lin4.model.1.weight', tensor(256)],
      ]),
    ),
  );
  await expect(loadExpert(at('lpips.safetensors'))).rejects.toThrow('which holds LPIPS’s linear layers for AlexNet');
  const expert = await loadExpert(at('expert.safetensors'));
  expect(expert.name).toBe('Wav2Lip');
  expert.dispose();
});

test('weights loaded into another network are named in the error', async () => {
  const state = (await readStateDict(at('expert.safetensors'))).state;
  const net = new AVAlignNet(LITE, { seed: 0 });
  expect(() => net.loadStateDict(state)).toThrow(/these are the parameters of Wav2Lip’s lip-sync expert/);
  net.dispose();
});
