import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { writeTalkingFace } from '@lipsync/embedded-data';
import { findFfmpeg, openMedia } from '@lipsync/media';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { runLipsync } from '../../terminal/run-lipsync';
import { type CapturedOutput, captureOutput } from '../../testing/capture-output';
import { sourcesOf } from './sketch/key-point-clips';
import type { SketchReport } from './sketch/sketch-report';

const there = await findFfmpeg({ log: () => undefined }).catch(() => undefined);
const SKIPPED = there ? '' : ' (skipped: no ffmpeg here)';
let folder: string;
let output: CapturedOutput;
const file = (name: string) => join(folder, name);
const sketch = (...words: string[]) => runLipsync(['sketch', ...words, '--backend', 'wasm', '--threads', '1']);

/** 68 or 70 points of a face whose lips open and close. */
function face(open: number, count = 68): [number, number][] {
  return Array.from({ length: count }, (_, i) => {
    const angle = (i / count) * 2 * Math.PI;
    return [100 + 60 * Math.cos(angle), 120 + 70 * Math.sin(angle) + (i > 54 && i < 68 ? open : 0)];
  });
}

const landmarkFile = (opens: (number | null)[]) =>
  JSON.stringify({ scheme: 'ibug68', frames: opens.map((open) => (open === null ? null : face(open).flat())) });
const openPoseFile = (open: number) =>
  JSON.stringify({ people: [{ face_keypoints_2d: face(open, 70).flatMap(([x, y]) => [x, y, 0.9]) }] });

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sketch-command-'));
  output = captureOutput();
  await writeFile(file('speaker.json'), landmarkFile([0, 3, 6, 9, 12, 9, 6, 3]));
  await writeFile(file('query.json'), landmarkFile([null, null, 6, 3, 0, 3, null]));
  await writeFile(file('there.mp4'), 'there');
  await writeFile(file('broken.json'), '{"scheme":"ibug68","frames":[[1,2]]}');
  await writeFile(file('nobody.json'), landmarkFile([null, null]));
  await mkdir(file('empty'));
  await mkdir(file('posed'));
  for (const [i, open] of [0, 4, 8, 12].entries())
    await writeFile(file(`posed/take_${String(i).padStart(12, '0')}_keypoints.json`), openPoseFile(open));
});
afterEach(() => output.clear());
afterAll(async () => {
  output.restore();
  await rm(folder, { recursive: true });
});

test.each<[string[], string]>([
  [['speaker.json', 'query.json'], "missing required argument 'out'"],
  [['speaker.json', 'query.json', 'new.avi'], 'OUT must end in .mp4, .m4v, .mov, .mkv'],
  [['speaker.json', 'query.json', 'there.mp4'], 'OUT must be a new file (or give --force)'],
  [['missing.mp4', 'query.json', 'new.mp4'], 'DATABASE must be a file or a folder, got'],
  [['empty', 'query.json', 'new.mp4'], 'DATABASE must be a folder with videos or files of OpenPose'],
  [['speaker.json', 'empty', 'new.mp4'], 'QUERY must be a folder with videos'],
  [
    ['broken.json', 'query.json', 'new.mp4'],
    'broken.json: parseLandmarkFile: frames[0] must be 136 values or null, got 2',
  ],
  [['speaker.json', 'query.json', 'new.mp4', '--size', '65'], '--size must be even, got 65'],
  [['speaker.json', 'query.json', 'new.mp4', '--audio', 'none.wav'], '--audio must be a file'],
])(`lipsync sketch %j is a usage error: %s${SKIPPED}`, async (words, message) => {
  const paths = words.map((word) => (/^(--.*|\d+)$/.test(word) ? word : file(word)));
  expect(await sketch(...paths)).toBe(2);
  expect(output.err).toContain(message);
});

test('files of OpenPose are grouped by recording, in the order of their numbers', async () => {
  const [source, ...others] = await sourcesOf('DATABASE', file('posed'));
  expect(others).toEqual([]);
  expect(source).toMatchObject({ name: 'take', kind: 'openpose' });
  expect(source.files.map((path) => path.slice(-17, -15))).toEqual(['00', '01', '02', '03']);
});

describe.skipIf(!there)(`the command${SKIPPED}`, () => {
  test('draws the nearest frames of landmark files, as long as QUERY', async () => {
    expect(await sketch(file('speaker.json'), file('query.json'), file('plain.mp4'), '--size', '64', '--json')).toBe(0);
    const report = JSON.parse(output.out) as SketchReport;
    expect(report).toMatchObject({
      frameCount: 7,
      firstFrame: 2,
      faceFrames: 4,
      databaseFrames: 8,
      points: 68,
      faceless: [],
    });
    expect(report.frames.length).toBe(4);
    expect(report.scores).toBeUndefined();
    const reader = await openMedia({ log: () => {} });
    const info = await reader.probe(file('plain.mp4'));
    expect(info.video).toMatchObject({ width: 64, height: 64, fps: 25 });
    expect(info.audio).toBeUndefined();
    let frames = 0;
    for await (const frame of reader.frames(file('plain.mp4'))) frames = frame.index + 1;
    expect(frames).toBe(7);
  });

  test('a database of 70 points and a query of 68 have 68 in common', async () => {
    const words = ['--size', '64', '--decoder', 'viterbi', '--json'];
    expect(await sketch(file('posed'), file('query.json'), file('posed.mkv'), ...words)).toBe(0);
    expect(JSON.parse(output.out)).toMatchObject({
      points: 68,
      decoder: 'viterbi',
      transitionWeight: 0.3,
      candidates: 25,
    });
  });

  test('recordings without a face are an error that names them', async () => {
    expect(await sketch(file('nobody.json'), file('query.json'), file('none.mp4'))).toBe(1);
    expect(output.err).toContain('DATABASE must show a face');
    expect(await sketch(file('speaker.json'), file('nobody.json'), file('none.mp4'))).toBe(1);
    expect(output.err).toContain('QUERY must show a face');
    expect(await readdir(folder)).not.toContain('none.mp4');
  });

  test('follows the faces of videos, keeps their landmarks, and scores sketch and original', async () => {
    await writeTalkingFace(file('talk.mp4'), { seed: 1, personSeed: 2, durationSec: 0.8 });
    const words = ['--landmarks', file('kept'), '--size', '128', '--json'];
    expect(await sketch(file('talk.mp4'), file('talk.mp4'), file('talk-sketch.mp4'), ...words)).toBe(0);
    const first = JSON.parse(output.out) as SketchReport;
    expect(first.distance).toBe(0); // the query is in the database
    expect(first.frames).toEqual(first.frames.map((_, i) => i));
    expect(first.scores?.sketch.frameCount).toBe(first.frameCount);
    expect(first.scores?.sketch.faces.length).toBe(1);
    expect(first.scores?.original?.faces.length).toBe(1);
    expect(await readdir(file('kept'))).toEqual(['talk.mp4.landmarks.json']);
    output.clear();
    const again = [file('talk.mp4'), file('talk.mp4'), file('again.mp4'), ...words, '--no-score'];
    expect(await sketch(...again)).toBe(0);
    expect((JSON.parse(output.out) as SketchReport).frames).toEqual(first.frames);
    expect(await readFile(file('again.mp4'))).toEqual(await readFile(file('talk-sketch.mp4')));
  }, 120_000);
});
