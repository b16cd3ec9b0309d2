import { describe, expect, test } from 'vitest';
import { landmarksOfKeyPoints, parseOpenPoseFaces } from './openpose-face';

const faceOf = (offset: number, confidence = 0.9) =>
  Array.from({ length: 210 }, (_, i) => (i % 3 === 2 ? confidence : 10 * ((i / 3) | 0) + offset));
const file = (...faces: number[][]) =>
  JSON.stringify({ version: 1.3, people: faces.map((face) => ({ face_keypoints_2d: face })) });

describe('parseOpenPoseFaces', () => {
  test('reads 70 points a frame, adds half a pixel and fills short gaps', () => {
    const [track] = parseOpenPoseFaces([null, file(faceOf(2)), file(), file(faceOf(6))]);
    expect(track).toMatchObject({ firstFrame: 1, frameCount: 3, interpolated: 1 });
    expect([0, 140, 280].map((at) => track.points[at])).toEqual([2.5, 4.5, 6.5]);
    expect(track.points[141 + 20]).toBe(104.5);
  });

  test('long gaps split the track', () => {
    const files = [file(faceOf(0)), null, null, file(faceOf(0))];
    expect(parseOpenPoseFaces(files, { maxGap: 1 }).map((track) => track.firstFrame)).toEqual([0, 3]);
    expect(parseOpenPoseFaces([file(), null])).toEqual([]);
  });

  test('takes the surest face, or the one asked for', () => {
    const files = [file(faceOf(1, 0.3), faceOf(2, 0.8))];
    expect(parseOpenPoseFaces(files)[0].points[0]).toBe(2.5);
    expect(parseOpenPoseFaces(files, { person: 0 })[0].points[0]).toBe(1.5);
    expect(parseOpenPoseFaces(files, { person: 4 })).toEqual([]);
  });

  test('a frame with a point that was not found has no face; a pupil is put between the lids', () => {
    const hidden = faceOf(0);
    hidden[3 * 50 + 2] = 0;
    expect(parseOpenPoseFaces([file(hidden)])).toEqual([]);
    const blind = faceOf(0);
    blind.splice(3 * 68, 3, 0, 0, 0);
    const [{ points }] = parseOpenPoseFaces([file(blind)]);
    expect(points[136]).toBeCloseTo((370 + 380 + 400 + 410) / 4 + 0.5, 4);
  });

  test.each<[string, string | null, string]>([
    ['text', 'x', 'file 0 must be JSON'],
    ['a number', '3', 'file 0 must be an object with a list "people"'],
    ['null', 'null', 'file 0 must be an object with a list "people"'],
    ['people that are no list', '{"people":{"length":1e9}}', 'file 0 must be an object with a list'],
    [
      'null for a person',
      '{"people":[null]}',
      'people[0].face_keypoints_2d must be a list (OpenPose’s face detector must be on)',
    ],
    [
      'too few points',
      '{"people":[{"face_keypoints_2d":[1,2,3]}]}',
      '70 points of x, y, confidence: 210 numbers, got 3',
    ],
    [
      'text for a number',
      file(faceOf(0).map((v, i) => (i === 4 ? ('1' as unknown as number) : v))),
      '[4] must be a number',
    ],
    ['1e300', file(faceOf(0).map((v, i) => (i === 4 ? 1e300 : v))), '[4] must be a number of pixels, got 1e+300'],
    [
      'shares',
      file(faceOf(0).map((v, i) => (i % 3 === 2 ? v : v / 1e4))),
      'points must be pixels: OpenPose’s keypoint scale 0',
    ],
  ])('refuses %s', (_, text, message) => {
    expect(() => parseOpenPoseFaces([text])).toThrow(message);
  });
});

test('landmarksOfKeyPoints drops the pupils', () => {
  const [track] = parseOpenPoseFaces([null, file(faceOf(0)), file(faceOf(3))]);
  const landmarks = landmarksOfKeyPoints(track);
  expect(landmarks).toMatchObject({ firstFrame: 1, frameCount: 2, interpolated: 0 });
  expect([landmarks.points.length, landmarks.points[136], landmarks.points[271]]).toEqual([272, 3.5, 673.5]);
  expect(() => landmarksOfKeyPoints({ ...track, frameCount: 5 })).toThrow('track.points must be [5, 70, 2]');
});
