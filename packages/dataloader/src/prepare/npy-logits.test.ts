import { encodeNpy, type NamedArray, toFloat16 } from '@lipsync/checkpoints';
import { expect, test } from 'vitest';
import { parseNpyLogits } from './npy-logits';

const data = Float32Array.from({ length: 6 * 29 }, (_, i) => Math.floor(i / 29) / 4 + (i % 29));

test.each<[string, NamedArray]>([
  ['float32', { dtype: 'float32', shape: [6, 29], data }],
  ['float64 with an axis of one', { dtype: 'float64', shape: [6, 1, 29], data: Float64Array.from(data) }],
  ['float16', toFloat16({ dtype: 'float32', shape: [6, 29], data })],
])('parseNpyLogits reads %s', (_, array) => {
  expect(parseNpyLogits(encodeNpy(array))).toEqual({ data, steps: 6, bins: 29 });
});

test('parseNpyLogits passes its options on and refuses other files', () => {
  const bytes = encodeNpy({ dtype: 'float32', shape: [6, 29], data });
  expect(parseNpyLogits(bytes, { durationSec: 0.12, toleranceSec: 0 }).steps).toBe(3);
  expect(() => parseNpyLogits(bytes, { durationSec: 9 })).toThrow(
    'rows must be 225 at 25 per second or 450 at 50 per second for 9.00 s of audio, got 6',
  );
  expect(() => parseNpyLogits(new Uint8Array(40))).toThrow('decodeNpy: bytes must be an npy file');
  const whole = encodeNpy({ dtype: 'int32', shape: [1, 29], data: new Int32Array(29) });
  expect(() => parseNpyLogits(whole)).toThrow(
    'parseNpyLogits: array must be of float16, float32 or float64, got int32',
  );
});
