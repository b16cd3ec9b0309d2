import { expect, test } from 'vitest';
import { formulaNumbers } from '../../../../tests/support/formula-weights';
import fixture from '../../fixtures/boxes.json';
import { resizeBox } from './resize-box';

const [width, height] = fixture.image;
const data = Uint8Array.from(formulaNumbers('picture', width * height * 3, 0, 255.999), Math.floor);
const frame = { data, width, height, index: 0, timeSec: 0 };

test.each(fixture.resized)(
  'resizeBox stretches $box to $size as OpenCV does',
  ({ box, size, fill, data: expected }) => {
    const [left, top, boxWidth, boxHeight] = box;
    const got = resizeBox(frame, { left, top, width: boxWidth, height: boxHeight }, size, { fill });
    const apart = expected.map((value, i) => Math.abs(value - got[i]));
    expect(Math.max(...apart)).toBeLessThanOrEqual(1);
    // measured 0.007: OpenCV's weights have 11 bits
    expect(apart.filter((difference) => difference > 0).length / apart.length).toBeLessThan(0.02);
  },
);

test('resizeBox writes to out, and refuses regions without pixels', () => {
  const out = new Uint8Array(4 * 4 * 3);
  expect(resizeBox(frame, { left: 0, top: 0, width: 4, height: 4 }, 4, { out })).toBe(out);
  expect([...out.subarray(0, 12)]).toEqual([...data.subarray(0, 12)]);
  expect(() => resizeBox(frame, { left: 0, top: 0, width: 0, height: 4 }, 4)).toThrow(
    'resizeBox: region must be of whole pixels',
  );
  expect(() => resizeBox(frame, { left: 0.5, top: 0, width: 4, height: 4 }, 4)).toThrow('whole pixels');
  expect(() => resizeBox(frame, { left: 0, top: 0, width: 4, height: 4 }, 5, { out })).toThrow(
    'resizeBox: out must be 75 bytes long',
  );
});
