import type { FaceScore, ScoreProtocol, VideoScore } from '@lipsync/score';
import { expect, test } from 'vitest';
import { describeScore, meanOfFiles } from './score-command';
import { scoreTable } from './score-table';

const face = (track: number, lseD: number, lseC: number): FaceScore => ({
  ...{ track, firstFrame: 5, frameCount: 100, detectionScore: 0.9, windows: 91, lseD, lseC },
  ...{ offsetFrames: 3, offsetSec: 0.12, sentence: 'audio is 3 frames (120 ms) early', atEdge: track === 1 },
  meanDistances: [],
  perWindow: { distances: [], confidences: [] },
});
const protocol = { name: 'recipe', hash: 'abc', weightsHash: 'def' } as ScoreProtocol;
const video = (file: string, faces: FaceScore[], more: Partial<VideoScore> = {}): VideoScore => ({
  ...{ file, fps: 25, frameCount: 105, faces, problems: [], protocol },
  ...more,
});
const files = [
  video('a.mp4', [face(0, 1, 0.2), face(1, 3, 0.4)]),
  video('b.mp4', [], { problems: ['no face: in 40 frames'] }),
];

test('describeScore has one line for each face and each problem', () => {
  expect(files.map(describeScore)).toEqual([
    'a.mp4: face 0, 100 frames: audio is 3 frames (120 ms) early; LSE-D 1.000, LSE-C 0.200\n' +
      'a.mp4: face 1, 100 frames: audio is 3 frames (120 ms) early (at the edge of the search: probably not found); LSE-D 3.000, LSE-C 0.400',
    'b.mp4: no face: in 40 frames',
  ]);
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
    'a.mp4,0,5,100,91,3,0.12,1,0.2,false,,recipe,abc,def',
    'a.mp4,1,5,100,91,3,0.12,3,0.4,true,,recipe,abc,def',
    'b.mp4,,,,,,,,,,no face: in 40 frames,recipe,abc,def',
  ]);
});
