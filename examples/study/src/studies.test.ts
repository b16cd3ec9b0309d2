import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { assertStudy, studyConfig, studyRuns } from '@lipsync/train';
import { expect, test } from 'vitest';

const folder = fileURLToPath(new URL('../studies/', import.meta.url));

test.each(readdirSync(folder))('%s is a study whose arms differ, each with two seeds', async (file) => {
  const study = assertStudy(file, JSON.parse(readFileSync(folder + file, 'utf8')));
  expect(study.seeds.length).toBeGreaterThanOrEqual(2);
  const runs = await studyRuns(study);
  for (const { name, arms } of study.experiments) {
    const own = runs.filter(({ of }) => of.some(({ experiment }) => experiment === name));
    expect([name, new Set(own.map(({ train }) => JSON.stringify(train))).size]).toEqual([name, arms.length]);
  }
  for (const { train } of runs) if (train.config) expect(studyConfig(train.config).input.frameCount).toBeGreaterThan(4);
});
