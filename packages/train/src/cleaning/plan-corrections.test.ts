import { scoreEmbeddings } from '@lipsync/metrics';
import { Random } from '@lipsync/nn';
import { expect, test } from 'vitest';
import { type ClipReading, planCorrections } from './plan-corrections';

const DIMENSION = 16;

/**
 * A clip whose audio leads by some frames: embeddings that drift as those of overlapping windows do, and noise; with
 * `noise` alone where the audio is of something else.
 */
function reading(
  id: string,
  {
    lead,
    windows = 80,
    group = 'talk',
    person = id,
  }: { lead?: number; windows?: number; group?: string; person?: string },
): ClipReading {
  const random = new Random(5, ...new TextEncoder().encode(id));
  const path = (seed: Random) => {
    const values = Float32Array.from({ length: (windows + 60) * DIMENSION }, () => seed.normal());
    // The mean of four neighbours: windows overlap.
    return (position: number, k: number) => {
      const at = (whole: number) => {
        let sum = 0;
        for (let j = 0; j < 4; j++) sum += values[(whole + j + 30) * DIMENSION + k];
        return sum / 2;
      };
      const whole = Math.floor(position);
      return at(whole) * (1 - (position - whole)) + at(whole + 1) * (position - whole);
    };
  };
  const said = path(random);
  const other = path(random);
  const rows = (of: (i: number, k: number) => number) =>
    Float32Array.from({ length: windows * DIMENSION }, (_, at) => of(Math.floor(at / DIMENSION), at % DIMENSION));
  const visual = rows((i, k) => said(i, k) + 0.3 * random.normal());
  const audio = rows((i, k) => (lead === undefined ? other(i, k) : said(i + lead, k)) + 0.3 * random.normal());
  const { alignment } = scoreEmbeddings({ visual, audio }, { space: 'euclidean', dimension: DIMENSION });
  return { id, group, person, windows, alignment };
}

test('clips are moved by their own offset from the zero of the anchors', () => {
  const anchors = [0.6, 0.6, 0.6, 0.6].map((lead, i) => reading(`a${i}`, { lead, group: 'anchors' }));
  const clips = [
    reading('early', { lead: 3.6 }),
    reading('late', { lead: -2.4 }),
    reading('other', {}),
    reading('kept', {}),
    reading('short', { windows: 30 }),
  ];
  const { corrections, zeroFrames, groups } = planCorrections([...anchors, ...clips], {
    rules: { anchors: 'anchor', talk: 'clip' },
    keep: new Set(['kept']),
  });
  expect(zeroFrames).toBeCloseTo(0.6, 0);
  expect(corrections.a0).toEqual({ delayFrames: 0 });
  expect(corrections.early.delayFrames).toBeCloseTo(3, 0);
  expect(corrections.late.delayFrames).toBeCloseTo(-3, 0);
  expect(corrections.other).toEqual({ drop: { reason: 'offset unknown', detail: 'no offset stands out' } });
  // Without an offset of their own: the median of the clear ones, the upper of two.
  expect(corrections.kept.delayFrames).toBe(corrections.short.delayFrames);
  expect(groups.talk).toMatchObject({ clips: 5, clear: 2, dropped: 1 });
  expect(groups.anchors).toMatchObject({ clips: 4, dropped: 0, meanFrames: 0 });
});

test('clips of a person are moved alike, less far where they are few', () => {
  const of = (person: string, count: number) =>
    Array.from({ length: count }, (_, i) => reading(`${person}${i}`, { lead: 2, windows: 19, group: 'words', person }));
  const { corrections } = planCorrections([...of('often', 20), ...of('once', 1)], {
    rules: { words: 'person' },
    zeroFrames: 0,
  });
  expect(corrections.often0).toEqual(corrections.often19);
  // The parabola reads 1.93 and 1.9 for 2: measured 0.057 and 0.02, by the noise of so few windows.
  expect(Math.abs(corrections.often0.delayFrames! - (2 * 20) / 25)).toBeLessThan(0.07);
  expect(Math.abs(corrections.once0.delayFrames! - 2 / 6)).toBeLessThan(0.05);
});

test('a clip of an anchor that is clearly off is dropped', () => {
  const anchors = [0, 0, 0, 6].map((lead, i) => reading(`a${i}`, { lead, group: 'anchors' }));
  const { corrections } = planCorrections(anchors, { rules: { anchors: 'anchor' } });
  expect(corrections.a3.drop?.detail).toBe('+6.0 frames from the zero of its set');
});

test('planCorrections wants a rule for every group and a zero', () => {
  expect(() => planCorrections([reading('a', { lead: 0 })], { rules: {} })).toThrow(
    'planCorrections: options.rules must be with a rule for talk, got {}',
  );
  expect(() => planCorrections([reading('a', {})], { rules: { talk: 'anchor' } })).toThrow(
    'planCorrections: options.zeroFrames must be given where no anchor has a clear offset, got undefined',
  );
});
