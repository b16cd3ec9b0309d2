import type { SyncVerdict } from '@lipsync/metrics';
import type { FaceScore, ScoreProtocol, VideoScore } from '@lipsync/score';
import { expect, test } from 'vitest';
import { describeInOneLine, describeNotes, describeScore, meanOfFiles } from './describe-score';
import { scoreTable } from './score-table';

const verdicts = [
  { answer: 'early', reason: 'found', sentence: 'audio is 3 frames (120 ms) early', confidence: 0.974 },
  { answer: 'cannot tell', reason: 'no match', sentence: 'cannot tell: no offset matches', confidence: 0.1 },
  { answer: 'late', reason: 'found', sentence: 'audio is 1 frame (40 ms) late', confidence: null },
  {
    answer: 'cannot tell',
    reason: 'offset changes',
    sentence: 'the offset changes: in sync, from 4.0 s on …',
    confidence: 0.9,
  },
] as SyncVerdict[];
const face = (track: number, lseD: number, lseC: number): FaceScore => ({
  ...{ fromSec: 0.2, toSec: 4.2, box: { left: 10, top: 20, right: 110, bottom: 140 } },
  ...{ place: null, speaking: 0.75, filledFrames: 2, missingFrames: 5 },
  ...{ track, firstFrame: 5, frameCount: 100, detectionScore: 0.9, windows: 91, lseD, lseC },
  ...{
    offsetFrames: 3,
    offsetSec: 0.12,
    sentence: verdicts[track].sentence,
    verdict: verdicts[track],
    atEdge: track === 1,
  },
  meanDistances: [],
  perWindow: { distances: [], confidences: [] },
});
const protocol = { name: 'recipe', hash: 'abc', weightsHash: 'def' } as ScoreProtocol;
const video = (file: string, faces: FaceScore[], more: Partial<VideoScore> = {}): VideoScore => ({
  ...{ file, fps: 25, frameCount: 105, faces, problems: [], notes: [], protocol },
  ...more,
});
const files = [
  video('a.mp4', [face(0, 1, 0.2), face(1, 3, 0.4)]),
  video('b.mp4', [], { problems: ['no face: in 40 frames'] }),
];

test('describeScore names the option that reads a damaged file all the same; notes stand apart', () => {
  const problems = ['broken: damaged or missing: 30 frames (1.20 s) at 0.40 s: corrupt'];
  const score = video('c.mp4', [], { problems, notes: ['2 audio tracks'] });
  expect(describeScore(score)).toBe(
    'c.mp4: broken: damaged or missing: 30 frames (1.20 s) at 0.40 s: corrupt (--damage conceal takes what there is)',
  );
  expect(describeNotes(score)).toEqual(['c.mp4: note: 2 audio tracks']);
});

test('describeScore has one line for each face and each problem, with how sure it is', () => {
  expect(files.map(describeScore)).toEqual([
    'a.mp4: face 0, 100 frames: audio is 3 frames (120 ms) early (confidence 0.97); LSE-D 1.000, LSE-C 0.200\n' +
      'a.mp4: face 1, 100 frames: cannot tell: no offset matches (lowest distance at 3 frames); LSE-D 3.000, LSE-C 0.400',
    'b.mp4: no face: in 40 frames',
  ]);
  expect(describeScore(video('c.mp4', [face(2, 1, 0.2), face(3, 3, 0.4)]))).toBe(
    'c.mp4: face 2, 100 frames: audio is 1 frame (40 ms) late (not calibrated); LSE-D 1.000, LSE-C 0.200\n' +
      'c.mp4: face 3, 100 frames: the offset changes: in sync, from 4.0 s on …; LSE-D 3.000, LSE-C 0.400',
  );
});

test('describeScore says which of several faces it is, and how much it speaks', () => {
  const left = { ...face(0, 1, 0.2), place: 'left face' };
  const right = { ...face(1, 3, 0.4), place: 'right face', speaking: null };
  expect(describeScore(video('a.mp4', [left, right]))).toBe(
    'a.mp4: left face: audio is 3 frames (120 ms) early (confidence 0.97); face 0, 100 frames, speaking 0.75; LSE-D 1.000, LSE-C 0.200\n' +
      'a.mp4: right face: cannot tell: no offset matches (lowest distance at 3 frames); face 1, 100 frames; LSE-D 3.000, LSE-C 0.400',
  );
});

test('describeInOneLine keeps to one line, whatever a file is called and however many faces it has', () => {
  expect(files.map(describeInOneLine)).toEqual([
    'a.mp4: 2 faces: face 0: audio is 3 frames (120 ms) early (confidence 0.97); LSE-D 1.000, LSE-C 0.200; ' +
      'face 1: cannot tell: no offset matches (lowest distance at 3 frames); LSE-D 3.000, LSE-C 0.400',
    'b.mp4: no score: no face: in 40 frames',
  ]);
  const odd = video('two\nlines\u007f.mp4', [face(0, 1, 0.2)], { problems: ['face 1: too small'], notes: ['a\tb'] });
  expect(describeInOneLine(odd)).toMatch(/^two\\nlines\\u007f\.mp4: audio is 3 frames [^\n]*$/);
  expect(describeNotes(odd, true)).toEqual([
    'two\\nlines\\u007f.mp4: face 1: too small',
    'two\\nlines\\u007f.mp4: note: a\\tb',
  ]);
  expect(describeInOneLine(video('c.mp4', []))).toBe('c.mp4: no score: no face');
});

test('describeScore gives the offset to a tenth of a frame with its spread', () => {
  const exact = { ...verdicts[0], exactFrames: 2.84, spreadFrames: 0.31 };
  const score = video('c.mp4', [{ ...face(0, 1, 0.2), verdict: exact }]);
  expect(describeScore(score)).toContain('audio is 3 frames (120 ms) early (confidence 0.97, 2.8 ± 0.3 frames); LSE-D');
  const short = { ...exact, spreadFrames: null };
  expect(describeScore({ ...score, faces: [{ ...score.faces[0], verdict: short }] })).toContain('0.97, 2.8 frames);');
});

test('meanOfFiles is the mean over faces, or over the files’ means where the protocol defines them', () => {
  expect(meanOfFiles(files)).toEqual({ scores: 2, lseD: 2, lseC: expect.closeTo(0.3, 12) });
  const mean = { offsetFrames: 3, lseD: 4, lseC: 1 };
  expect(meanOfFiles([video('a.mp4', [face(0, 1, 1)], { mean })])).toEqual({ scores: 1, lseD: 4, lseC: 1 });
  expect(meanOfFiles([files[1]])).toBeUndefined();
});

test('scoreTable has one line for each face, and one for a file without a score', () => {
  const [head, ...rows] = scoreTable(protocol, files).trimEnd().split('\r\n');
  expect(head).toContain('file,face,first_frame,frame_count,');
  expect(rows).toEqual([
    'a.mp4,0,5,100,91,3,0.12,1,0.2,false,early,found,0.974,,,,0.2,4.2,10,20,110,140,0.75,2,5,,recipe,abc,def',
    'a.mp4,1,5,100,91,3,0.12,3,0.4,true,cannot tell,no match,0.1,,,,0.2,4.2,10,20,110,140,0.75,2,5,,recipe,abc,def',
    'b.mp4,,,,,,,,,,,,,,,,,,,,,,,,,no face: in 40 frames,recipe,abc,def',
  ]);
});
