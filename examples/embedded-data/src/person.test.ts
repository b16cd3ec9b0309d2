import { expect, test } from 'vitest';
import { person } from './person';

test('the same seed gives the same person, other seeds other people', () => {
  expect(person(11)).toEqual(person(11));
  const people = Array.from({ length: 40 }, (_, seed) => person(seed));
  expect(new Set(people.map((who) => who.skin.join())).size).toBe(40);
  expect(new Set(people.map((who) => who.hairStyle)).size).toBe(5);
  expect(people.some((who) => who.glasses !== 'none') && people.some((who) => who.beard > 0)).toBe(true);
});

test('pitch and vocal tract lie where human voices do', () => {
  for (let seed = 0; seed < 40; seed++) {
    const { pitchHz, formantScale } = person(seed).voice;
    expect(pitchHz).toBeGreaterThanOrEqual(90);
    expect(pitchHz).toBeLessThanOrEqual(250);
    expect(formantScale).toBeGreaterThanOrEqual(0.9);
    expect(formantScale).toBeLessThanOrEqual(1.22);
  }
});
