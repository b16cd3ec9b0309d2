import { Random } from '@lipsync/nn';
import { expect, test } from 'vitest';
import fixture from '../../fixtures/frame-degradation.json';
import {
  blurFrames,
  compressFrames,
  degradeFrames,
  drawFrameDegradation,
  FRAME_DEGRADATION,
  jpegTables,
} from './frame-degradation';

const bytes = (text: string) => Uint8Array.from(Buffer.from(text, 'base64'));
const { odd, square } = fixture;
const sizeOf = ({ height, width }: { height: number; width: number }) => ({ height, width });
const frames = { odd: bytes(odd.frames), square: bytes(square.frames) };
const differences = (a: ArrayLike<number>, b: ArrayLike<number>) => {
  expect(a.length).toBe(b.length);
  const all = Array.from(a, (value, i) => Math.abs(value - b[i]));
  const mean = all.reduce((sum, value) => sum + value, 0) / all.length;
  return { largest: Math.max(...all), mean, share: all.filter((value) => value > 0).length / all.length };
};

test.each(fixture.blurs)('a blur of $sigma pixels is that of SciPy, rounded', ({ sigma, frames: expected }) => {
  const exact = new Float32Array(bytes(expected).buffer);
  const { largest } = differences(blurFrames(frames.odd, { ...sizeOf(odd), sigma }), exact);
  expect(largest).toBeLessThan(0.5 + 1e-4); // asked for: 1; 1e-4: the fixture's float32
});

test.each(fixture.jpegs)(
  'JPEG of quality $quality is that of libjpeg-turbo, but for a few coefficients in the middle of two steps',
  (expected) => {
    for (const name of ['odd', 'square'] as const) {
      const out = compressFrames(frames[name], { ...sizeOf(fixture[name]), quality: expected.quality });
      const { largest, mean, share } = differences(out, bytes(expected[name]));
      expect(share).toBeLessThan(0.04); // 0.001 to 0.03
      expect(mean).toBeLessThan(0.2); // 0.001 to 0.14
      expect(largest).toBeLessThanOrEqual(24); // such a coefficient is a wave through a whole block
      if (expected.quality <= 50) expect(differences(out, frames[name]).mean).toBeGreaterThan(2); // there is something to equal
    }
  },
);

test.each(fixture.tables)(
  'the steps of quality $quality are those of a file by OpenCV',
  ({ quality, luma, chroma }) => {
    expect(jpegTables(quality)).toEqual({ luma, chroma });
  },
);

test('a uniform frame is unchanged by blur and JPEG but for the step of the lowest frequency', () => {
  const even = new Uint8Array(2 * 20 * 29 * 3).fill(77);
  expect(blurFrames(even, { height: 20, width: 29, sigma: 2 })).toEqual(even);
  expect(compressFrames(even, { height: 20, width: 29, quality: 95 })).toEqual(even);
  expect(differences(compressFrames(even, { height: 20, width: 29, quality: 20 }), even).largest).toBeLessThanOrEqual(
    3,
  );
});

test('lower qualities are further from the frame, stronger blurs have less contrast', () => {
  const errors = [95, 75, 50, 20].map(
    (quality) => differences(compressFrames(frames.square, { ...sizeOf(square), quality }), frames.square).mean,
  );
  expect(errors).toEqual([...errors].sort((a, b) => a - b));
  const spread = (values: Uint8Array) => {
    const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
    return values.reduce((sum, value) => sum + (value - mean) ** 2, 0);
  };
  const spreads = [0, 0.5, 1, 2, 4].map((sigma) => spread(blurFrames(frames.square, { ...sizeOf(square), sigma })));
  expect(spreads).toEqual([...spreads].sort((a, b) => b - a));
});

test('the frames of a window are independent of each other', () => {
  const bytesEach = 48 * 48 * 3;
  const draw = { sigma: 1.2, quality: 40 };
  const window = degradeFrames(frames.square, sizeOf(square), draw);
  for (let frame = 0; frame < 2; frame++) {
    const own = frames.square.subarray(frame * bytesEach, (frame + 1) * bytesEach);
    expect(window.slice(frame * bytesEach, (frame + 1) * bytesEach)).toEqual(degradeFrames(own, sizeOf(square), draw));
  }
});

test('degradeFrames blurs, then compresses, does not change its argument, and copies where nothing was drawn', () => {
  const size = sizeOf(odd);
  const before = frames.odd.slice();
  const blurred = blurFrames(frames.odd, { ...size, sigma: 1 });
  expect(degradeFrames(frames.odd, size, { sigma: 1, quality: 30 })).toEqual(
    compressFrames(blurred, { ...size, quality: 30 }),
  );
  const copy = degradeFrames(frames.odd, size, {});
  expect(copy).toEqual(before);
  expect(copy.buffer).not.toBe(frames.odd.buffer);
  expect(frames.odd).toEqual(before);
});

test('the same random stream gives the same draw and takes the same number of values', () => {
  const draws = Array.from({ length: 2000 }, (_, i) => {
    const random = new Random(7, i);
    let bits = 0;
    const next = random.bits.bind(random);
    random.bits = () => {
      bits++;
      return next();
    };
    const draw = drawFrameDegradation(FRAME_DEGRADATION, random);
    expect(bits).toBe(8);
    expect(drawFrameDegradation(FRAME_DEGRADATION, new Random(7, i))).toEqual(draw);
    return draw;
  });
  const sigmas = draws.flatMap(({ sigma }) => (sigma === undefined ? [] : [sigma]));
  const qualities = draws.flatMap(({ quality }) => (quality === undefined ? [] : [quality]));
  // measured 0.0035 and 0.015; of 2000 draws 0.3 has a standard deviation of 0.01
  expect(sigmas.length / draws.length).toBeCloseTo(0.3, 1);
  expect(qualities.length / draws.length).toBeCloseTo(0.3, 1);
  expect(Math.min(...sigmas)).toBeGreaterThanOrEqual(0.3);
  expect(Math.max(...sigmas)).toBeLessThan(1.5);
  expect([Math.min(...qualities), Math.max(...qualities)]).toEqual([20, 95]);
});

test('strengths, sizes and qualities out of range are refused', () => {
  const draw = (change: object) => () => drawFrameDegradation({ ...FRAME_DEGRADATION, ...change }, new Random(0));
  expect(draw({ jpeg: -0.1 })).toThrow('drawFrameDegradation: jpeg must be a share, 0..1, got -0.1');
  expect(draw({ leastQuality: 96 })).toThrow('leastQuality must be 0 to mostQuality, 95, got 96');
  expect(draw({ mostQuality: 101 })).toThrow('mostQuality must be a whole number, 1 to 100, got 101');
  expect(draw({ leastSigma: NaN })).toThrow('leastSigma must be 0 to mostSigma, 1.5, got NaN');
  expect(() => blurFrames(new Uint8Array(12), { height: 2, width: 2, sigma: -1 })).toThrow(
    'blurFrames: sigma must be 0 to 50 pixels, got -1',
  );
  expect(() => compressFrames(new Uint8Array(12), { height: 2, width: 2, quality: 0 })).toThrow(
    'quality must be a whole number, 1 to 100, got 0',
  );
  expect(() => blurFrames(new Uint8Array(13), { height: 2, width: 2, sigma: 1 })).toThrow(
    '[frames, 2, 2, 3], a multiple of 12 bytes, got 13',
  );
  expect(() => compressFrames(new Uint8Array(12), { height: 0, width: 2, quality: 9 })).toThrow(
    'height must be a whole number above 0, got 0',
  );
});
