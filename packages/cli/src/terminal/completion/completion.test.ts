import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { captureOutput } from '../../testing/capture-output';
import { runLipsync } from '../run-lipsync';

const folder = mkdtempSync(join(tmpdir(), 'completion-'));
afterAll(() => rmSync(folder, { recursive: true }));

async function scriptFor(shell: string): Promise<string> {
  const output = captureOutput();
  try {
    expect(await runLipsync(['completion', shell])).toBe(0);
    return output.out;
  } finally {
    output.restore();
  }
}

const isThere = (shell: string) => spawnSync(shell, ['-c', 'exit 0']).status === 0;
const titled = (shell: string, text: string) => `${shell}: ${text}${isThere(shell) ? '' : ' (skipped: not installed)'}`;

test.skipIf(!isThere('bash'))(titled('bash', 'commands, options, and values of options are completed'), async () => {
  const script = await scriptFor('bash');
  const complete = (...words: string[]) => {
    const line = words.map((word) => `'${word}'`).join(' ');
    const run = `COMP_WORDS=(${line}); COMP_CWORD=${words.length - 1}; _lipsync; printf '%s\\n' "\${COMPREPLY[@]}"`;
    const { stdout, stderr } = spawnSync('bash', ['-c', `${script}\n${run}`], { encoding: 'utf8' });
    expect(stderr).toBe('');
    return stdout.split('\n').filter(Boolean);
  };
  expect(complete('lipsync', 'sc')).toEqual(['score']);
  expect(complete('lipsync', 'weights', '')).toEqual(['inspect', 'convert', 'fetch']);
  expect(complete('lipsync', 'score', '--land')).toEqual(['--landmark-quality', '--landmark-detector']);
  expect(complete('lipsync', 'score', '--protocol', 'sync')).toContain('syncnet-demo');
  expect(complete('lipsync', 'score', 'a.mp4', '--engine', '')).toEqual(['auto', 'onnxruntime', 'tfjs']);
  expect(complete('lipsync', 'train', '--over')).toEqual(['--overfit']); // short for train expert
  expect(complete('lipsync', 'train', 'generator', '--stage', '')).toEqual(['frame', 'clip']);
  expect(complete('lipsync', 'score', 'sc')).toEqual([]); // files, by the shell
  expect(complete('lipsync', '')).not.toContain('train-dinet');
});

test.skipIf(!isThere('fish'))(titled('fish', 'commands, options, and values of options are completed'), async () => {
  const path = join(folder, 'lipsync.fish');
  writeFileSync(path, await scriptFor('fish'));
  const complete = (line: string) => {
    const words = ['-c', `source ${path}; complete -C ${JSON.stringify(line)}`];
    const { stdout, stderr } = spawnSync('fish', ['--no-config', ...words], { encoding: 'utf8' });
    expect(stderr).toBe('');
    return stdout.split('\n').map((entry) => entry.split('\t')[0]);
  };
  expect(complete('lipsync sc')).toContain('score');
  expect(complete('lipsync score --protocol sync')).toContain('syncnet-demo');
  expect(complete('lipsync train generator --st')).toContain('--stage');
});

test.skipIf(!isThere('zsh'))(titled('zsh', 'the script is one that the shell reads'), async () => {
  const script = await scriptFor('zsh');
  const { status, stderr } = spawnSync('zsh', ['-n'], { encoding: 'utf8', input: script });
  expect([status, stderr]).toEqual([0, '']);
});

test('another shell is a usage error that names those there are', async () => {
  const output = captureOutput();
  try {
    expect(await runLipsync(['completion', 'csh'])).toBe(2);
    expect(output.err).toContain('Allowed choices are bash, zsh, fish.');
  } finally {
    output.restore();
  }
});
