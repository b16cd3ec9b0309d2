import { expect, test } from 'vitest';
import { openMediaInBrowser } from './open-media';

test('openMediaInBrowser says what is missing outside a browser', async () => {
  await expect(openMediaInBrowser()).rejects.toThrow(
    'openMediaInBrowser: WebCodecs must be there: a browser of 2024 or later, and a page on https or localhost, got none',
  );
});

test('openMediaInBrowser refuses options by their names', async () => {
  await expect(openMediaInBrowser({ maxPixels: 0 })).rejects.toThrow('options.maxPixels');
  await expect(openMediaInBrowser({ videoTrack: -1 })).rejects.toThrow('options.videoTrack');
  await expect(openMediaInBrowser({ audioTrack: 0.5 })).rejects.toThrow('options.audioTrack');
});
