import { CONFIGURATIONS, lite, thesis } from '@lipsync/avalignnet';
import { describe, expect, test } from 'vitest';
import { assertStudy, type Study, shareOfRuns, studyConfig, studyRuns } from './study-plan';

const STUDY: Study = {
  name: 'two questions',
  train: { steps: 4 },
  seeds: [1, 2],
  experiments: [
    {
      name: 'batch',
      question: 'Does a larger batch help?',
      arms: [
        { name: '8 windows', train: { clipsPerBatch: 2, windowsPerClip: 4 } },
        { name: '16 windows', train: { clipsPerBatch: 4, windowsPerClip: 4 } },
      ],
      expected: ['8 windows', '16 windows'],
    },
    {
      name: 'steps',
      question: 'Do more steps help?',
      train: { windowsPerClip: 4, clipsPerBatch: 4 },
      arms: [{ name: 'four' }, { name: 'eight', train: { steps: 8 } }],
    },
  ],
};

describe('runs', () => {
  test('are one for each arm and seed; arms with the same options share theirs', async () => {
    const runs = await studyRuns(STUDY);
    expect(runs.map(({ seed, train }) => [seed, train.steps, train.clipsPerBatch])).toEqual([
      [1, 4, 2],
      [2, 4, 2],
      [1, 4, 4],
      [2, 4, 4],
      [1, 8, 4],
      [2, 8, 4],
    ]);
    // Written in another order, the options of `16 windows` and of `four` are the same.
    expect(runs[2].of).toEqual([
      { experiment: 'batch', arm: '16 windows' },
      { experiment: 'steps', arm: 'four' },
    ]);
    expect(new Set(runs.map(({ id }) => id)).size).toBe(6);
    expect(runs[0].id).toMatch(/^8-windows-[0-9a-f]{8}-1$/);
    expect(await studyRuns(STUDY)).toEqual(runs);
  });

  test('are shared among jobs, each in one share', async () => {
    const runs = await studyRuns(STUDY);
    const shares = [1, 2, 3, 4].map((share) => shareOfRuns(runs, { share, of: 4 }));
    expect(shares.map((list) => list.length)).toEqual([2, 2, 1, 1]);
    expect(new Set(shares.flat())).toEqual(new Set(runs));
    expect(() => shareOfRuns(runs, { share: 5, of: 4 })).toThrow('share must be a whole number from 1 to 4, got 5');
    expect(() => shareOfRuns(runs, { share: 0, of: 4 })).toThrow('from 1 to 4, got 0');
  });
});

describe('a study from a file', () => {
  test('is returned as it is', () => {
    expect(assertStudy('open', JSON.parse(JSON.stringify(STUDY)))).toEqual(STUDY);
  });

  const [first, second] = STUDY.experiments;
  const changed = (experiment: object) => ({ ...STUDY, experiments: [{ ...first, ...experiment }, second] });
  test.each([
    ['no object', 3, 'open: study must be an object, got 3'],
    ['no name', { ...STUDY, name: '' }, 'open: name must be a text'],
    ['no seeds', { ...STUDY, seeds: [] }, 'open: seeds must be whole numbers from 0'],
    ['a seed twice', { ...STUDY, seeds: [1, 1] }, 'open: seeds must be all different'],
    ['no experiments', { ...STUDY, experiments: [] }, 'open: experiments must be a list with at least one'],
    ['two of one name', { ...STUDY, experiments: [first, first] }, 'experiments must be of different names, got batch'],
    ['one arm', changed({ arms: first.arms.slice(1) }), 'experiments[0].arms must be a list of at least two'],
    ['no question', changed({ question: undefined }), 'experiments[0].question must be a text'],
    ['an unknown measure', changed({ measure: 'beauty' }), 'experiments[0].measure must be auc or accuracy or loss'],
    ['an unknown expectation', changed({ expected: ['32'] }), 'experiments[0].expected must be names of its arms'],
    ['an unknown option', changed({ train: { step: 3 } }), 'experiments[0].train must be options among network'],
    [
      'an unknown network',
      changed({ train: { network: 'resnet' } }),
      'experiments[0].train.network must be avalignnet or',
    ],
    ['an unknown configuration', changed({ train: { config: 'tiny' } }), 'train.config must be'],
    [
      'options that lite refuses',
      changed({ train: { config: { lite: { size: 8 } } } }),
      'experiments[0].train.config: lite: size must be a whole number of at least 32, got 8',
    ],
    ['an unknown store', changed({ train: { clips: 'talk' } }), "train.clips must be a name of the study's clips"],
  ])('is refused with %s', (_, study, message) => {
    expect(() => assertStudy('open', study)).toThrow(message);
  });
});

test('configurations by name, by the options of lite and thesis, or as they are', () => {
  expect(studyConfig('thesis_5_64')).toEqual(CONFIGURATIONS.thesis_5_64);
  expect(studyConfig({ lite: { frameCount: 5 } })).toEqual(lite({ frameCount: 5 }));
  expect(studyConfig({ thesis: { frameCount: 5, size: 64, maxChannels: 256 } })).toEqual(
    thesis({ frameCount: 5, size: 64, maxChannels: 256 }),
  );
  expect(studyConfig(lite())).toEqual(lite());
});
