import { expect, test } from 'vitest';
import { numbers } from '../testing/torch-numbers';
import { localWeights } from './local-weights';

test('localWeights sum to one, and rebuild a vector that lies between its neighbours', () => {
  const [count, size] = [4, 9];
  const neighbours = numbers('neighbours', [count, size]);
  const shares = [0.1, 0.4, 0.3, 0.2];
  const target = Float32Array.from({ length: size }, (_, i) =>
    shares.reduce((sum, share, k) => sum + share * neighbours[k * size + i], 0),
  );
  const weights = localWeights(target, neighbours, { count, size, ridge: 0 });
  // measured 5e-8: the target is float32
  for (const [k, share] of shares.entries()) expect(weights[k]).toBeCloseTo(share, 6);
  const strong = localWeights(numbers('far', [size], 5, 9), neighbours, { count, size, ridge: 0.5 });
  expect(strong.reduce((sum, weight) => sum + weight)).toBeCloseTo(1, 14);
});

test('localWeights gives no weight to neighbours that equal the first, and stays finite without a ridge', () => {
  const neighbours = Float32Array.of(1, 0, 1, 0, 1, 0, 0, 1); // three times [1, 0], then [0, 1]
  const weights = localWeights(Float32Array.of(0.5, 0.5), neighbours, { count: 4, size: 2, ridge: 0 });
  expect([...weights.subarray(1, 3)]).toEqual([0, 0]);
  expect(weights[0]).toBeCloseTo(0.5, 12);
});
