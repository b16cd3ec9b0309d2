import type { SyncVerdict } from '@lipsync/metrics';
import type { FaceScore, ScoreProtocol, VideoScore } from '@lipsync/score';
import { decode } from 'fast-png';
import { expect, test } from 'vitest';
import { Canvas } from '../../score/pictures/canvas';
import type { FacePictures } from '../../score/pictures/score-pictures';
import { scoreIndexPage } from './score-index-page';
import { scoreReportPage } from './score-report-page';

const early = {
  ...{
    answer: 'early',
    reason: 'found',
    sentence: 'audio is 3 frames (120 ms) early',
    confidence: 0.974,
    calibration: '9 clips',
  },
  ...{
    offBy3: { atOnePercent: true, atFivePercent: true },
    offsetFrames: 3,
    offsetSec: 0.12,
    exactFrames: 2.84,
    spreadFrames: 0.31,
  },
  ...{
    parts: [],
    drift: null,
    evidence: { contrast: 14, offsetFrames: 3, second: null, searched: 75, speechShare: 0.9 },
  },
  overTime: [
    { fromSec: 0, toSec: 4, offsetFrames: 3, exactFrames: 2.9, confidence: 0.9 },
    { fromSec: 2, toSec: 6, offsetFrames: null, exactFrames: null, confidence: 0.2 },
  ],
} as unknown as SyncVerdict;
const unknown = {
  ...{
    answer: 'cannot tell',
    reason: 'no match',
    sentence: 'cannot tell: no offset matches',
    confidence: 0.1,
    offsetSec: null,
  },
  ...{ offBy3: null, offsetFrames: null, exactFrames: null, spreadFrames: null, parts: [], drift: null, overTime: [] },
  evidence: { contrast: 2, offsetFrames: -9, second: { offsetFrames: 4, strength: 2 }, searched: 75 },
} as unknown as SyncVerdict;
const face = (verdict: SyncVerdict, more: Partial<FaceScore> = {}): FaceScore => ({
  ...{
    track: 0,
    firstFrame: 0,
    frameCount: 150,
    fromSec: 0,
    toSec: 6,
    box: { left: 10, top: 20, right: 110, bottom: 140 },
    place: null,
  },
  ...{
    speaking: 0.75,
    filledFrames: 2,
    missingFrames: 5,
    detectionScore: 0.9,
    verdict,
    sentence: verdict.sentence,
    windows: 141,
  },
  ...{
    offsetFrames: 3,
    offsetSec: 0.12,
    atEdge: false,
    lseD: 0.9,
    lseC: 0.2,
    perWindow: { distances: [], confidences: [] },
  },
  meanDistances: [-3, 0, 3].map((offsetFrames) => ({ offsetFrames, distance: 1 - offsetFrames / 30 })),
  ...more,
});
const protocol = {
  name: 'recipe',
  hash: 'abc',
  weightsHash: 'def',
  source: 'the own crop',
  expert: 'AVAlignNet',
  maxShift: 15,
  edges: 'zero',
  deviations: [],
  engine: 'tfjs 4',
  recipe: { frameCount: 10, crop: {}, color: 'RGB', features: 'THESIS_MEL' },
} as unknown as ScoreProtocol;
const video = (file: string, faces: FaceScore[], more: Partial<VideoScore> = {}): VideoScore => ({
  ...{ file, fps: 25, frameCount: 155, faces, problems: [], notes: [], protocol },
  ...more,
});
const facts = {
  weights: { name: '@lipsync/pretrained', version: '0.1.0', sha256: 'def' },
  input: { bytes: 77, sha256: 'fed' },
  versions: { '@lipsync/cli': '0.1.0' },
  settings: '--edges zero',
};
const pictures = (): FacePictures => ({
  thumbnail: new Canvas(3, 2, 7),
  spread: [{ frameIndex: 74, ...new Canvas(4, 4, 9), data: new Canvas(4, 4, 9).data }],
  stretch: {
    fromSec: 1,
    toSec: 1.72,
    frames: 2,
    firstFrame: 25,
    crops: new Canvas(8, 4, 1),
    mel: new Canvas(6, 80, 2),
    moved: new Canvas(6, 80, 3),
  },
});
const offline = (page: string) => expect(page).not.toMatch(/<(script|link)|(?:src|href)="(?!data:|talks)/);

test('the page of a video says the verdict, what to do, how it was measured, and needs no other file', () => {
  const one = face(early);
  const page = scoreReportPage(
    video('talks/a <1>.mp4', [one], { problems: ['audio is quiet'], notes: ['2 tracks'] }),
    { faces: new Map([[one, pictures()]]) },
    facts,
  );
  offline(page);
  for (const part of [
    '<h1>a &lt;1&gt;.mp4</h1>',
    '<p class="verdict">Audio is 3 frames (120 ms) early</p>',
    'Right within one frame with a chance of 97 %. Offset +2.8 ± 0.3 frames.',
    'delay the audio by 120 ms',
    'audio delayed by 120 ms, as it belongs to these frames',
    '<figcaption>74</figcaption>',
    'its lips move in 75 % of the frames with speech',
    '2 (not found; interpolated)',
    '<li>audio is quiet</li>',
    '<li>2 tracks</li>',
    '77, SHA-256 fed',
    'AVAlignNet, weights of @lipsync/pretrained 0.1.0',
    '--edges zero',
    '@lipsync/cli 0.1.0',
    'prefers-color-scheme:dark',
  ])
    expect(page).toContain(part);
  const [, png] = /class="thumb" src="data:image\/png;base64,([^"]+)"/.exec(page)!;
  expect(decode(Buffer.from(png, 'base64'))).toMatchObject({ width: 3, height: 2 });
});

test('of two faces the page says which one the audio matches, and shows where each is', () => {
  const [left, right] = [
    face(early, { place: 'left face' }),
    face(unknown, { place: 'right face', track: 1, speaking: 0 }),
  ];
  const overview = {
    ...new Canvas(4, 2, 0),
    data: new Canvas(4, 2, 0).data,
    timeSec: 3,
    frame: { width: 400, height: 200 },
  };
  const page = scoreReportPage(video('a.mp4', [left, right]), { faces: new Map(), overview }, facts);
  offline(page);
  expect(page).toContain('The audio matches the left face.');
  expect(page).toContain('<rect x="10" y="20" width="100" height="120"');
  expect(page).toContain('The best offset would be right with a chance of 10 %, too low for an answer.');
  expect(page.match(/class="card (\w+)"/g)).toEqual(['class="card red"', 'class="card amber"']);
});

test('a video without a score says why', () => {
  const page = scoreReportPage(
    video('a.mp4', [], { problems: ['no face: in 40 frames'] }),
    { faces: new Map() },
    facts,
  );
  expect(page).toMatch(/No score<\/p><p>no face: in 40 frames/);
});

test('scores that were read from JSON, where NaN is null, have a curve all the same', () => {
  const meanDistances = [
    { offsetFrames: -1, distance: null as unknown as number },
    { offsetFrames: 1, distance: 1 },
  ];
  const page = scoreReportPage(video('a.mp4', [face(early, { meanDistances })]), { faces: new Map() }, facts);
  expect(page).not.toMatch(/NaN|Infinity/);
});

test('the index begins with what needs attention and links to the pages', () => {
  const page = scoreIndexPage('3 videos', [
    {
      score: video('c.mp4', [face({ ...early, answer: 'in sync', sentence: 'in sync', offsetFrames: 1 })]),
      page: 'talks-videos/c.html',
    },
    { score: video('b.mp4', [], { problems: ['no face'] }) },
    { score: video('a.mp4', [face(early)]), page: 'talks-videos/a%20b.html' },
  ]);
  offline(page);
  expect(page).toContain(
    '3 videos, 2 faces · 1 in sync · 1 early · 0 late · 0 cannot be told · 1 video without a score',
  );
  expect([...page.matchAll(/<tr><td>(?:<a href="([^"]+)">)?(\w)\.mp4/g)].map(([, href, name]) => [name, href])).toEqual(
    [
      ['a', 'talks-videos/a%20b.html'],
      ['b', undefined],
      ['c', 'talks-videos/c.html'],
    ],
  );
});
