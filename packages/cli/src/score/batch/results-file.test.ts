import { appendFileSync, mkdtempSync, readFileSync, rmSync, truncateSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeEach, expect, test } from 'vitest';
import { inputFacts, type ScoredFile } from '../scored-file';
import { ResultsFile } from './results-file';

const folder = mkdtempSync(join(tmpdir(), 'results-file-'));
const [out, video] = [join(folder, 'results.ndjson'), join(folder, 'a.mp4')];
afterAll(() => rmSync(folder, { recursive: true }));

const result = async (file: string, settings = 's'): Promise<ScoredFile> =>
  ({ file, faces: [], problems: [], notes: [], settings, input: await inputFacts(file) }) as unknown as ScoredFile;

beforeEach(async () => {
  rmSync(out, { force: true });
  writeFileSync(video, 'content');
  const results = await ResultsFile.open(out);
  await results.add(await result(video));
  await results.close();
});

test('a result is found again for the same file with the same settings', async () => {
  const results = await ResultsFile.open(out);
  expect((await results.resultOf(video, 's'))?.file).toBe(video);
  expect(await results.resultOf(video, 'other')).toBeUndefined();
  expect(await results.resultOf(join(folder, 'b.mp4'), 's')).toBeUndefined();
  utimesSync(video, 1, 1); // another time, the same bytes
  expect(await results.resultOf(video, 's')).toBeDefined();
  writeFileSync(video, 'CONTENT'); // the same size, other bytes
  expect(await results.resultOf(video, 's')).toBeUndefined();
  writeFileSync(video, 'longer content');
  expect(await results.resultOf(video, 's')).toBeUndefined();
  rmSync(video);
  expect(await results.resultOf(video, 's')).toBeUndefined();
  await results.close();
});

test('a file that could not be read is scored again', async () => {
  const results = await ResultsFile.open(out);
  await results.add(await result(join(folder, 'gone.mp4')));
  await results.close();
  writeFileSync(join(folder, 'gone.mp4'), 'here');
  const again = await ResultsFile.open(out);
  expect(await again.resultOf(join(folder, 'gone.mp4'), 's')).toBeUndefined();
  await again.close();
});

test('the last result of a file counts', async () => {
  const results = await ResultsFile.open(out);
  await results.add(await result(video, 'new'));
  await results.close();
  const again = await ResultsFile.open(out);
  expect(await again.resultOf(video, 's')).toBeUndefined();
  expect(await again.resultOf(video, 'new')).toBeDefined();
  await again.close();
});

test('whatever kill -9 left of the last line is dropped, and nothing else', async () => {
  const whole = readFileSync(out, 'utf8');
  for (const left of [1, 8, 9, 30, whole.length - 1]) {
    writeFileSync(out, whole + whole);
    truncateSync(out, whole.length + left);
    const results = await ResultsFile.open(out);
    expect(results.wasCut).toBe(true);
    await results.add(await result(video, 'next'));
    await results.close();
    const lines = readFileSync(out, 'utf8').trimEnd().split('\n');
    expect(lines.map((line) => JSON.parse(line).settings)).toEqual(['s', 'next']);
  }
});

test.each(['a text\n', 'a text', '{"file":1}\n', '[]\n'])(
  'a file with %j is refused and left as it is',
  async (text) => {
    writeFileSync(out, text);
    await expect(ResultsFile.open(out)).rejects.toThrow(
      '--out must be a new file or the results of lipsync score, got ',
    );
    expect(readFileSync(out, 'utf8')).toBe(text);
  },
);

test('a line that is no result is named by its number', async () => {
  appendFileSync(out, '{"other":1}\n');
  await expect(ResultsFile.open(out)).rejects.toThrow('(line 2 is no result)');
  await expect(ResultsFile.open(join(folder, 'no/such/folder.ndjson'))).rejects.toThrow(
    '--out must be a file that can be written, got ',
  );
});
