import { access, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { writeTalkingFace } from '@lipsync/embedded-data';
import type { VideoScore } from '@lipsync/score';
import { decode } from 'fast-png';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { runLipsync } from '../terminal/run-lipsync';
import { captureOutput } from '../testing/capture-output';
import { writeTwoFaces } from '../testing/two-faces';
import { describeScore } from './describe-score';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'two-faces-'));
});
afterAll(() => rm(folder, { recursive: true }));

/** What the command prints, and its status. */
async function lipsync(...words: string[]) {
  const output = captureOutput();
  try {
    const status = await runLipsync(words);
    return { status, out: output.out, err: output.err };
  } finally {
    output.restore();
  }
}

test('of two drawn faces the left one speaks and the right one keeps still, also in report and preview', async () => {
  const [path, report, preview] = ['two.mp4', 'two.html', 'two.png'].map((name) => join(folder, name));
  await writeTwoFaces(path, { durationSec: 3 });
  const { status, out } = await lipsync('score', path, '--json', '--report', report, '--preview', preview);
  expect(status).toBe(0);
  const [score] = JSON.parse(out).files as VideoScore[];
  const [left, right] = [...score.faces].sort((a, b) => a.box!.left - b.box!.left);
  expect(score.faces).toHaveLength(2);
  expect(left).toMatchObject({ place: 'left face', fromSec: 0, toSec: 3, filledFrames: 0, missingFrames: 0 });
  expect(right).toMatchObject({ place: 'right face', fromSec: 0, toSec: 3, filledFrames: 0, missingFrames: 0 });
  expect(left.box!.right).toBeLessThan(256);
  expect(right.box!.left).toBeGreaterThan(256);
  expect(left.speaking).toBeGreaterThan(0.9);
  expect(right.speaking).toBeLessThan(0.1);
  expect(describeScore({ ...score, file: 'two.mp4' })).toContain('two.mp4: left face: ');
  const page = await readFile(report, 'utf8');
  expect(page).toContain('The audio matches the left face.');
  expect(page.match(/class="thumb"/g)).toHaveLength(2);
  expect(page.match(/aria-label="mouth crops above the mel/g)).toHaveLength(2);
  expect(page).not.toMatch(/<(script|link)|(?:src|href)="(?!data:)/);
  // Twice 22 crops in rows of eight.
  expect(decode(await readFile(preview))).toMatchObject({ width: 6 + 8 * 102, channels: 3 });
}, 600_000);

test('--fix writes a video in sync, measured again, and refuses one that cannot be told', async () => {
  const [late, fixed, short, none] = ['late.mp4', 'fixed.mp4', 'short.mp4', 'none.mp4'].map((name) =>
    join(folder, name),
  );
  await writeTalkingFace(late, { seed: 4, personSeed: 2, durationSec: 4, audioDelayFrames: 8 });
  const done = await lipsync('score', late, '--fix', fixed);
  expect(done.err).toContain('--fix: advances the audio by');
  expect(done.err).toContain('-c:v copy -af "atrim=start=0.');
  expect(done.err).toContain('fixed.mp4: measured again: ');
  expect(done.status).toBe(0);
  await access(fixed);
  await writeTalkingFace(short, { seed: 7, personSeed: 6, durationSec: 0.6 });
  const refused = await lipsync('score', short, '--fix', none);
  expect(refused.status).toBe(1);
  expect(refused.err).toContain('--fix: nothing was written: cannot tell');
  await expect(access(none)).rejects.toThrow('ENOENT');
  expect((await lipsync('score', late, '--fix', fixed)).err).toContain('--fix must be a new file');
}, 600_000);

test.each([
  [['--report', 'out.pdf'], '--report must end in .html, got out.pdf'],
  [['--preview', 'out.jpg'], '--preview must end in .png, got out.jpg'],
])('%j is a usage error', async (words, message) => {
  const { status, err } = await lipsync('score', import.meta.filename, ...words);
  expect(status).toBe(2);
  expect(err).toContain(message);
});
