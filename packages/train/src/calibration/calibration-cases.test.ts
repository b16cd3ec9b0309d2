import { LITE, recipeOf } from '@lipsync/avalignnet';
import { Random } from '@lipsync/nn';
import { expect, test } from 'vitest';
import { calibrationCases, type PersonClip } from './calibration-cases';

const SIZE = 12;
const setting = { recipe: recipeOf(LITE), embeddingSize: SIZE, space: 'unit' } as const;

/** Frames and audio that leads by `early` frames; of a listener they have nothing in common. */
function madeClip(id: string, windows: number, { early = 0, listens = false } = {}): PersonClip {
  const seed = [...id].reduce((sum, letter) => 31 * sum + letter.charCodeAt(0), 7);
  const steps = (stream: number) => {
    const random = new Random(seed, stream);
    return Array.from({ length: windows + 60 }, () => Array.from({ length: SIZE }, () => random.normal()));
  };
  const [seen, heard, noise] = [steps(1), steps(listens ? 2 : 1), steps(3)];
  const rows = (of: number[][], from: number, louder: number) =>
    Float32Array.from(
      Array.from({ length: windows }, (_, i) => {
        const row = Array.from({ length: SIZE }, (_, d) => {
          let sum = 0;
          for (let j = i; j < i + 10; j++) sum += of[from + j][d] + louder * noise[j][d];
          return sum;
        });
        const length = Math.hypot(...row);
        return row.map((value) => value / length);
      }).flat(),
    );
  return { id, person: id.split('-')[0], windows, visual: rows(seen, 20, 0), audio: rows(heard, 20 + early, 0.5) };
}

const people = ['a', 'b', 'c', 'd'];
const clips = people.flatMap((name) => [madeClip(`${name}-1`, 110), madeClip(`${name}-2`, 50)]);

test('half of the cases have the right audio, at offsets that are true, and every person comes equally often', () => {
  const { cases, unknown } = calibrationCases(clips, setting, { perLength: 80 });
  expect(unknown).toEqual([]);
  expect([...new Set(cases.map(({ group }) => group))]).toEqual(['1 s', '2 s', '3 s', '4 s', 'whole clips']);
  for (const group of ['1 s', '4 s', 'whole clips']) {
    const some = cases.filter((one) => one.group === group);
    expect(some).toHaveLength(160);
    expect(some.filter(({ trueOffset }) => trueOffset === null)).toHaveLength(80);
    for (const name of people) expect(some.filter(({ person }) => person === name)).toHaveLength(40);
  }
  const own = cases.filter(({ trueOffset }) => trueOffset !== null);
  const right = own.filter(({ curve, trueOffset }) => Math.abs(curve.offsetFrames - trueOffset!) <= 1);
  expect(right.length / own.length).toBeGreaterThan(0.95);
  const inPlace = own.filter(({ trueOffset }) => trueOffset === 0).length / own.length;
  expect(inPlace).toBeGreaterThan(0.4);
  expect(inPlace).toBeLessThan(0.7);
  expect(own.some(({ trueOffset }) => trueOffset! < 0) && own.some(({ trueOffset }) => trueOffset! > 15)).toBe(true);
  const second = cases.filter(({ group }) => group === '2 s');
  expect(new Set(second.map(({ curve, durationSec }) => `${curve.windows} ${durationSec}`))).toEqual(new Set(['41 2']));
});

test('the same seed gives the same cases', () => {
  const of = (seed: number) => calibrationCases(clips.slice(0, 4), setting, { perLength: 6, seed }).cases;
  expect(of(1)).toEqual(of(1));
  expect(of(2)).not.toEqual(of(1));
});

test('a clip whose audio is clearly elsewhere is true there; one in which nothing matches is of unknown offset', () => {
  const odd = [madeClip('e-1', 110, { early: 4 }), madeClip('f-1', 110, { listens: true })];
  const { cases, unknown } = calibrationCases([...clips, ...odd], setting, { perLength: 60 });
  expect(unknown).toEqual(['f-1']);
  const of = (name: string) => cases.filter(({ person, trueOffset }) => person === name && trueOffset !== null);
  expect(of('f')).toEqual([]);
  const right = of('e').filter(({ curve, trueOffset }) => Math.abs(curve.offsetFrames - trueOffset!) <= 1);
  expect(right.length / of('e').length).toBeGreaterThan(0.9);
  expect(of('e').filter(({ trueOffset }) => trueOffset === 4).length).toBeGreaterThan(of('e').length / 4);
});
