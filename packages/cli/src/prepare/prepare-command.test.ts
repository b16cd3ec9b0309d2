import { PREPARATIONS } from '@lipsync/dataloader';
import { expect, test } from 'vitest';
import { preparationOf, readShard } from './prepare-command';

test('preparationOf is the preset, with the given values instead of its own', () => {
  expect(preparationOf({ preset: 'latentsync' })).toEqual(PREPARATIONS.latentsync);
  const given = preparationOf({ preset: 'general', offset: 'none', segment: 2, minFace: 80, maxOffset: 0 });
  expect(given).toEqual({
    ...PREPARATIONS.general,
    ...{ offset: 'none', segmentSec: 2, minSegmentSec: 2, maxOffset: 0 },
    gates: { ...PREPARATIONS.general.gates, minFaceSize: 80 },
  });
});

test('readShard reads a part and the number of parts', () => {
  expect(readShard(undefined)).toBeUndefined();
  expect(readShard('2/8')).toEqual({ index: 2, count: 8 });
  for (const wrong of ['8/8', '1', '-1/2', 'a/b', '0/0'])
    expect(() => readShard(wrong)).toThrow('--shard must be i/n with i from 0 to n - 1');
});
