/**
 * A tiny CTC model run by transformers.js: its logits must be PyTorch's (the last test of packages/audio-mel/src/recogniser/ctc-features.test.ts).
 *
 * Fetches @huggingface/transformers into node_modules/.cache, outside the lockfile (474 MB with onnxruntime), unless LIPSYNC_TRANSFORMERS names a folder
 * that has it; skips, with its reason, where that is impossible. No model is fetched: the one that is run lies among the fixtures.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join, resolve } from 'node:path';
import { SKIPPED } from './skipped.mjs';

const VERSION = '4.3.1';
const shell = process.platform === 'win32';
const folder = resolve(process.env.LIPSYNC_TRANSFORMERS ?? 'node_modules/.cache/lipsync-transformers');
if (!existsSync(join(folder, 'node_modules/@huggingface/transformers/package.json'))) {
  mkdirSync(folder, { recursive: true });
  // Install scripts, which fetch CUDA and build frames, are not needed.
  const words = [
    'install',
    '--no-audit',
    '--no-fund',
    '--ignore-scripts',
    '--prefix',
    folder,
    `@huggingface/transformers@${VERSION}`,
  ];
  const { status, stderr, error } = spawnSync('npm', words, { encoding: 'utf8', timeout: 170_000, shell });
  if (status !== 0) {
    console.log(
      `ctc: skipped, @huggingface/transformers ${VERSION} could not be fetched (${error?.message ?? stderr.trim().split('\n').pop()})`,
    );
    process.exit(SKIPPED);
  }
}
try {
  createRequire(join(folder, 'package.json'))('@huggingface/transformers');
} catch (error) {
  console.log(
    `ctc: skipped, @huggingface/transformers does not run on ${process.platform} ${process.arch} (${error.message.split('\n')[0]})`,
  );
  process.exit(SKIPPED);
}
const { status } = spawnSync('pnpm', ['exec', 'vitest', 'run', '--project', 'audio-mel', 'ctc-features'], {
  stdio: 'inherit',
  shell,
  env: { ...process.env, LIPSYNC_TRANSFORMERS: folder },
});
process.exit(status ?? 1);
