import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { selectBackend } from '@lipsync/backends';
import { decodeSafetensors, encodeSafetensors } from '@lipsync/checkpoints';
import { beforeAll, expect, test } from 'vitest';
import { AutoencoderKL } from '../network/autoencoder';
import { type AutoencoderConfig, SD_VAE } from '../network/config';
import { fillMade } from '../testing/reference';
import { loadAutoencoder, saveAutoencoder } from './weights';

beforeAll(async () => {
  await selectBackend({ backend: 'wasm' });
});

const SMALL: AutoencoderConfig = { ...SD_VAE, block_out_channels: [2, 4], layers_per_block: 1, norm_num_groups: 2 };
const EARLIER = fileURLToPath(new URL('../../fixtures/earlier-names.bin', import.meta.url));

const numbersOf = async (net: AutoencoderKL) =>
  [...(await net.stateDict())].map(([name, { shape, data }]) => [name, shape, [...(data as Float32Array)]]);

test('a file of torch.save with the attention’s earlier names loads by name', async () => {
  const net = await loadAutoencoder(EARLIER, { config: SMALL });
  const expected = new AutoencoderKL(SMALL, { seed: 1 });
  await fillMade(expected);
  expect(await numbersOf(net)).toEqual(await numbersOf(expected));
  expect(net.training).toBe(false);
  expect(net.weightsHash).toMatch(/^[0-9a-f]{64}$/);
  net.dispose();
  expected.dispose();
});

test('1 x 1 convolutions of the attention become linear layers', async () => {
  const net = new AutoencoderKL(SMALL, { seed: 1 });
  const renamed = new Map(
    [...(await net.stateDict())].map(([name, array]) => {
      const earlier = name.replace('.to_q.', '.query.').replace('.to_out.0.', '.proj_attn.');
      const isKernel = earlier !== name && name.endsWith('weight');
      return [earlier, isKernel ? { ...array, shape: [...array.shape, 1, 1] } : array];
    }),
  );
  const again = await loadAutoencoder(encodeSafetensors(renamed), { config: SMALL });
  expect(await numbersOf(again)).toEqual(await numbersOf(net));
  net.dispose();
  again.dispose();
});

test('what is saved loads with its config and nothing said; without the config its shapes say it', async () => {
  const net = new AutoencoderKL({ ...SMALL, scaling_factor: 0.7 }, { seed: 2 });
  const bytes = await saveAutoencoder(net, { trained: 'on drawn faces' });
  const again = await loadAutoencoder(bytes);
  expect(again.config).toEqual(net.config);
  expect(await numbersOf(again)).toEqual(await numbersOf(net));
  expect(decodeSafetensors(bytes).metadata.trained).toBe('on drawn faces');
  const wide: AutoencoderConfig = { ...SD_VAE, block_out_channels: [32, 64], layers_per_block: 1, latent_channels: 3 };
  const other = new AutoencoderKL(wide, { seed: 2 });
  const deduced = await loadAutoencoder(encodeSafetensors(await other.stateDict()));
  expect(deduced.config).toEqual(wide);
  for (const one of [net, again, other, deduced]) one.dispose();
});

test('refuses other files', async () => {
  const text = new TextEncoder().encode('no weights');
  await expect(loadAutoencoder(text)).rejects.toThrow();
  const dinet = readFileSync(new URL('../../../dinet/fixtures/published.pth', import.meta.url));
  await expect(loadAutoencoder(dinet, { prefix: 'state_dict.net_g' })).rejects.toThrow(
    "loadAutoencoder: the file must be one with the parameters of diffusers' AutoencoderKL, got those of DINet’s generator",
  );
  await expect(loadAutoencoder(EARLIER)).rejects.toThrow('multiples of norm_num_groups (32)');
  const net = new AutoencoderKL(SMALL, { seed: 2 });
  const state = await net.stateDict();
  state.delete('decoder.conv_out.bias');
  await expect(loadAutoencoder(encodeSafetensors(state), { config: SMALL })).rejects.toThrow(
    '1 missing: decoder.conv_out.bias',
  );
  net.dispose();
});
