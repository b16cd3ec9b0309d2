import { describe, expect, test } from 'vitest';
import { hiddenBox } from './generator-recipe';

describe('hiddenBox', () => {
  test('is the mouth box of a head crop, as DINet cuts it', () => {
    const box = hiddenBox('mouth box', { height: 104, width: 80, crop: { kind: 'dinet head', mouth: 64 } });
    expect(box).toEqual({ top: 32, left: 8, height: 64, width: 64 });
  });

  test('is the lower half, of odd heights with the middle row', () => {
    expect(hiddenBox('lower half', { height: 96, width: 96 })).toEqual({ top: 48, left: 0, height: 48, width: 96 });
    expect(hiddenBox('lower half', { height: 5, width: 4 })).toEqual({ top: 2, left: 0, height: 3, width: 4 });
  });

  test('is any box by its edges, to the nearest pixel', () => {
    const hidden = { top: 0.4, left: 0.1, bottom: 1, right: 0.9 };
    expect(hiddenBox(hidden, { height: 96, width: 96 })).toEqual({ top: 38, left: 10, height: 58, width: 76 });
  });

  test('refuses a mouth box of other crops, and edges that leave no box', () => {
    expect(() => hiddenBox('mouth box', { height: 96, width: 96 })).toThrow(
      'hiddenBox: image.crop must be a dinet head, got undefined',
    );
    const hidden = { top: 0.5, left: 0, bottom: 0.5, right: 1 };
    expect(() => hiddenBox(hidden, { height: 96, width: 96 })).toThrow(
      'hiddenBox: hidden must be edges from 0 to 1 that leave a box',
    );
  });
});
