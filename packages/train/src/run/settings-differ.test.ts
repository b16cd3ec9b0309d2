import { expect, test } from 'vitest';
import { settingsDiffer } from './settings-differ';

test('settingsDiffer names what is not the same, lists by their lengths', () => {
  const before = JSON.stringify({ steps: 10, seed: 1, train: ['a', 'b'] });
  const now = JSON.stringify({ steps: 20, seed: 1, train: ['a'] });
  expect(settingsDiffer(before, now)).toBe('steps was 10, is 20; train was 2 clips, is 1 clips');
});
