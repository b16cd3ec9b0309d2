import { readFileSync } from 'node:fs';
import { decodeSafetensors, encodeSafetensors, readStateDict } from '@lipsync/checkpoints';
import { expect, test } from 'vitest';
import { formulaFeatures } from '../testing/formula-features';
import { frechetDistance } from './frechet-distance';
import { momentsFromArrays, momentsToArrays } from './frechet-moments';
import { FrechetStatistics } from './frechet-statistics';

const statistics = new FrechetStatistics(3);
statistics.update(formulaFeatures(20, 3, 0, 0, 1));
const moments = statistics.moments();

test('moments come back from a safetensors file, and without a count from arrays like those of pytorch-fid', () => {
  const { tensors } = decodeSafetensors(encodeSafetensors(momentsToArrays(moments)));
  expect(momentsFromArrays(tensors)).toEqual(moments);
  tensors.delete('count');
  const { mean, covariance } = moments;
  expect(momentsFromArrays(tensors)).toEqual({ mean, covariance });
});

test("moments of NumPy's npz file are those of the samples", async () => {
  const bytes = new Uint8Array(readFileSync(new URL('../../fixtures/statistics.npz', import.meta.url)));
  const { state } = await readStateDict(bytes, { widen: false });
  const read = momentsFromArrays(state);
  const own = new FrechetStatistics(48);
  own.update(formulaFeatures(400, 48, 0, 0, 0));
  expect(read.count).toBeUndefined();
  expect(frechetDistance(read, own).value).toBeLessThan(2e-14); // measured 1.8e-15: NumPy sums in another order
});

test('float32 arrays are widened', () => {
  const mu = { dtype: 'float32' as const, shape: [2], data: Float32Array.of(0.1, 0.2) };
  const sigma = { dtype: 'float32' as const, shape: [2, 2], data: Float32Array.of(1, 0.5, 0.5, 2) };
  expect(
    momentsFromArrays(
      new Map([
        ['mu', mu],
        ['sigma', sigma],
      ]),
    ).mean,
  ).toEqual(Float64Array.of(Math.fround(0.1), Math.fround(0.2)));
});

test('momentsFromArrays names the array that does not fit', () => {
  const arrays = momentsToArrays(moments);
  const without = (name: string) => new Map([...arrays].filter(([key]) => key !== name));
  expect(() => momentsFromArrays(without('mu'))).toThrow(
    'momentsFromArrays: mu must be an array of one axis, got undefined',
  );
  expect(() => momentsFromArrays(without('sigma'))).toThrow('sigma must be of shape [3, 3], as mu is');
  const whole = { dtype: 'int32' as const, shape: [3], data: new Int32Array(3) };
  expect(() => momentsFromArrays(new Map([...arrays, ['mu', whole]]))).toThrow(
    'mu must be of floating point, got int32',
  );
  const odd = { dtype: 'float64' as const, shape: [3], data: Float64Array.of(0, Infinity, 0) };
  expect(() => momentsFromArrays(new Map([...arrays, ['mu', odd]]))).toThrow(
    'arrays.mean must be finite, got Infinity at 1',
  );
});
