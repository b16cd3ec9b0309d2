import { formulaStateDict } from '../../../../tests/support/formula-weights';
import { made } from '../../../dinet/src/testing/torch-numbers';
import type { WindowDiscriminator } from '../discriminator/discriminator';

/** Fills a discriminator as the reference scripts: weights by formula, the vectors of the power iteration of length 1. */
export async function filledDiscriminator(net: WindowDiscriminator): Promise<WindowDiscriminator> {
  const state = await net.stateDict();
  const plain = (name: string) => name.replace('weight_orig', 'weight');
  const weights = formulaStateDict([...state].map(([name, { shape }]) => [plain(name), shape] as const));
  for (const [name, array] of state) {
    if (!/_[uv]$/.test(name)) state.set(name, weights.get(plain(name))!);
    else {
      const values = Float64Array.from(made(name, array.shape, -1, 1).dataSync());
      const length = Math.sqrt(values.reduce((sum, value) => sum + value * value, 0));
      state.set(name, { dtype: 'float32', shape: array.shape, data: Float32Array.from(values, (v) => v / length) });
    }
  }
  net.loadStateDict(state);
  return net;
}
