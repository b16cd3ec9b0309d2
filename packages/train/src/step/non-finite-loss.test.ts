import { expect, test } from 'vitest';
import { assertFinite, NonFiniteLoss } from './non-finite-loss';

test.each([NaN, Infinity, -Infinity])('assertFinite refuses %d by name and keeps the figures', (value) => {
  let thrown: unknown;
  try {
    assertFinite('here', { gan: 1, sync: value });
  } catch (error) {
    thrown = error;
  }
  expect(thrown).toBeInstanceOf(NonFiniteLoss);
  expect(thrown).toMatchObject({
    name: 'NonFiniteLoss',
    message: `here: sync must be finite, got ${value}; no weight was changed`,
  });
  expect((thrown as NonFiniteLoss).figures).toEqual({ gan: 1, sync: value });
});

test('assertFinite applies the limit to the named figures only', () => {
  const limit = { limited: ['gradientNorm'], limit: 10 };
  expect(() => assertFinite('here', { image: 20, gradientNorm: 9 }, limit)).not.toThrow();
  expect(() => assertFinite('here', { image: 20, gradientNorm: 11 }, limit)).toThrow(
    'here: gradientNorm must be at most 10 (option divergence), got 11',
  );
});
