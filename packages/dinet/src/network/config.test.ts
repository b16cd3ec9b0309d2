import { expect, test } from 'vitest';
import { assertDinetConfig, DINET, LITE_DINET, THESIS_DINET } from './config';

// How many parameters each has: generator.test.ts.

test.each(Object.entries({ DINET, THESIS_DINET, LITE_DINET }))('%s is complete and frozen', (_, config) => {
  expect(assertDinetConfig('here', JSON.parse(JSON.stringify(config)))).toEqual(config);
  expect(Object.isFrozen(config)).toBe(true);
});

test.each<[object | null, string]>([
  [null, 'here: config must be an object'],
  [{ ...DINET, width: 1.5 }, 'here: config.width must be a whole number above 0, got 1.5'],
  [{ ...DINET, references: 0 }, 'here: config.references must be a whole number above 0, got 0'],
  [{ ...DINET, audio: undefined }, 'here: config.audio.bins must be a whole number above 0'],
  [
    { ...DINET, audio: { ...DINET.audio, steps: -5 } },
    'here: config.audio.steps must be a whole number above 0, got -5',
  ],
  [{ ...DINET, norm: 'layer' }, 'here: config.norm must be batch or instance, got layer'],
  [{ ...DINET, audioNorm: undefined }, 'here: config.audioNorm must be batch or layer or instance or none'],
  [{ ...DINET, sampling: 'nearest' }, 'here: config.sampling must be published or bilinear, got nearest'],
  [{ ...DINET, audio: { ...DINET.audio, kind: 'mfcc' } }, 'here: config.audio.kind must be logits or mel, got mfcc'],
])('a config that is not one is refused: %j', (config, message) => {
  expect(() => assertDinetConfig('here', config)).toThrow(message);
});
