import { expect, test } from 'vitest';
import { UsageError } from './command';
import { asUsageError } from './usage-of';

test.each([
  [
    'loadExpert: options.config must be the configuration of a.pth, got undefined',
    ['--weights', '--config'],
    '--config must be the configuration of a.pth, got none',
  ],
  ['loadExpert: source must be a file, got x', ['--weights'], '--weights must be a file, got x'],
  ['loadExpert: source must be a file, got x', ['--weights', '--expert'], '--expert must be a file, got x'],
  [
    'loadExpert: options.recipe must be given, got undefined',
    ['--expert', '--expert-recipe'],
    '--expert-recipe must be given, got none',
  ],
  [
    'trainExpert: clipsPerBatch must be 2 or more, got 1',
    ['--clips-per-batch'],
    '--clips-per-batch must be 2 or more, got 1',
  ],
  [
    'prepareFolder: expertRecipe must be given for a.pth, whose metadata has none, got undefined',
    ['--expert', '--expert-recipe'],
    '--expert-recipe must be given for a.pth, whose metadata has none, got none',
  ],
  [
    'prepareFolder: expert must be weights, with expertRecipe or expertConfig, got a.pth: or options.config given',
    ['--expert', '--expert-recipe', '--expert-config'],
    '--expert must be weights, with --expert-recipe or --expert-config, got a.pth: or --expert-config given',
  ],
  [
    'loadExpert: options.prefix must be one of model, ema, as a.pth has several, got undefined',
    ['--weights', '--prefix'],
    '--prefix must be one of model, ema, as a.pth has several, got none',
  ],
  ['trainExpert: store must be one with clips, got none', [], 'CLIPS must be one with clips, got none'],
  [
    'loadAVAlignNet: the file must be one with config metadata or a published StableSyncNet, or options.config given, got neither',
    ['--weights', '--config'],
    'the file must be one with config metadata or a published StableSyncNet, or --config given, got neither',
  ],
  [
    'loadAVAlignNet: the input size must be in the file (input metadata), in options.config or in a recipe, got none',
    ['--expert', '--expert-config'],
    'the input size must be in the file (input metadata), in --expert-config or in a recipe, got none',
  ],
  ['trainExpert: options.preset must be published, got thesis', ['--preset'], '--preset must be published, got thesis'],
])('asUsageError maps “%s” to the option', (message, flags, words) => {
  const usage = asUsageError(new TypeError(message), flags);
  expect(usage).toBeInstanceOf(UsageError);
  expect(usage?.message).toBe(words);
});

test('asUsageError leaves other errors alone', () => {
  expect(asUsageError(new TypeError('conv2d: filter must have rank 4, got 3'), ['--filter'])).toBeUndefined();
  expect(asUsageError(new Error('mergeStores: store must hold clips, got none'), ['--out'])).toBeUndefined();
  expect(asUsageError('text', [])).toBeUndefined();
  const own = new UsageError('--a must stand alone');
  expect(asUsageError(own, [])).toBe(own);
});
