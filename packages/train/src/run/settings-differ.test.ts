import { expect, test } from 'vitest';
import { settingsDiffer } from './settings-differ';

test('settingsDiffer names what is not the same, lists by their lengths', () => {
  const before = { steps: 10, seed: 1, train: ['a', 'b'] };
  const now = { train: ['a'], steps: 20, seed: 1 };
  expect(settingsDiffer(before, now)).toBe('steps was 10, is 20; train was 2 clips, is 1 clips');
  const [older, newer] = [{ recipe: { fps: 25 } }, { recipe: { fps: 25, loudness: 'none' } }];
  expect([settingsDiffer(older, newer), settingsDiffer(newer, older)]).toEqual(['', '']);
  expect(settingsDiffer(before, { seed: 1, train: ['a', 'b'], steps: 10, chunk: undefined })).toBe('');
});
