import { expect, test } from 'vitest';
import { assertFinite, NonFiniteLoss } from './non-finite-loss';

test.each([NaN, Infinity, -Infinity])('assertFinite refuses %d by name and keeps the figures', (value) => {
  let thrown: unknown;
  try {
    assertFinite({ gan: 1, sync: value });
  } catch (error) {
    thrown = error;
  }
  expect(thrown).toBeInstanceOf(NonFiniteLoss);
  expect(thrown).toMatchObject({
    name: 'NonFiniteLoss',
    message: `DinetTrainer.step: sync must be finite, got ${value}; no weight was changed`,
  });
  expect((thrown as NonFiniteLoss).figures).toEqual({ gan: 1, sync: value });
});

test('assertFinite holds only the named figures to the limit', () => {
  expect(() => assertFinite({ image: 20, gradientNorm: 9 }, ['gradientNorm'], 10)).not.toThrow();
  expect(() => assertFinite({ image: 20, gradientNorm: 11 }, ['gradientNorm'], 10)).toThrow(
    'gradientNorm must be at most 10 (option explosion), got 11',
  );
});
