import { afterEach, expect, test } from 'vitest';
import { runLipsync } from '../terminal/run-lipsync';
import { captureOutput } from '../testing/capture-output';
import { runChecks } from './doctor-checks';
import { canScore, describeChecks } from './doctor-command';

const path = process.env.FFMPEG_PATH;
afterEach(() => {
  if (path === undefined) delete process.env.FFMPEG_PATH;
  else process.env.FFMPEG_PATH = path;
});

async function doctor(...words: string[]) {
  const output = captureOutput();
  try {
    return { status: await runLipsync(['doctor', ...words]), ...output };
  } finally {
    output.restore();
  }
}

test('lipsync doctor says what is here, and that videos can be scored', async () => {
  const { status, out } = await doctor('--json');
  const { scoring, checks } = JSON.parse(out);
  expect([status, scoring]).toEqual([0, true]);
  expect(checks.map(({ name }: { name: string }) => name)).toEqual([
    ...['Node', 'ffmpeg', 'packaged weights', 'backend', 'face networks', 'processors', 'accelerator', 'GPU'],
    ...['onnxruntime', 'temporary files'],
  ]);
  for (const { state, found, advice } of checks) {
    expect(found).not.toBe('');
    if (state !== 'ok') expect(advice).toMatch(/.{20}/);
  }
}, 120_000);

test('without an ffmpeg that runs it says how to get one, with exit status 1', async () => {
  process.env.FFMPEG_PATH = '/nowhere/ffmpeg';
  const { status, out } = await doctor();
  expect(status).toBe(1);
  expect(out).toMatch(
    /^fault {2}ffmpeg +it does not work\n +-> .*FFMPEG_PATH must be an ffmpeg that runs, got \/nowhere/m,
  );
  expect(out.trimEnd()).toMatch(/videos cannot be scored here: ffmpeg$/);
}, 120_000);

test('checks stand in columns, with what to do below', async () => {
  const checks = await runChecks({
    Node: () => ({ state: 'ok', found: '20' }),
    onnxruntime: () => ({ state: 'note', found: 'none', advice: 'install it' }),
  });
  expect(describeChecks(checks)).toBe(
    [
      'ok     Node         20',
      'note   onnxruntime  none',
      '                    -> install it',
      'videos can be scored here',
    ].join('\n'),
  );
  expect(canScore(checks)).toBe(true);
});
