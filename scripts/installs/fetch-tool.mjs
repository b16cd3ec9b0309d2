/** Programs of the npm registry that only these checks run: fetched into a folder outside the lockfile, each into its own. */
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { run } from './run.mjs';

const VERSIONS = { verdaccio: '6.8.0', bun: '1.4.5', deno: '2.9.6', node22: '22.23.3', node24: '24.21.0' };
const FOLDER = resolve('node_modules/.cache/lipsync-tools');
/** Programs that their packages put in place after they are installed. */
const WITH_SCRIPTS = new Set(['bun', 'deno', 'node22', 'node24']);

/**
 * @param name key of VERSIONS; `node22` is version 22 of the package `node`.
 * @returns its folder of programs, `node_modules/.bin`.
 * @throws Error that says why it could not be fetched.
 */
export async function fetchTool(name) {
  const wanted = name.replace(/\d+$/, '');
  const folder = join(FOLDER, `${wanted}-${VERSIONS[name]}`);
  const programs = join(folder, 'node_modules/.bin');
  if (existsSync(join(folder, 'fetched'))) return programs;
  mkdirSync(folder, { recursive: true });
  const manifest = {
    private: true,
    dependencies: { [wanted]: VERSIONS[name] },
    // One of verdaccio's plugins asks for it by a tag, which mirrors of the registry may lack.
    overrides: { 'node-fetch': '2.7.0' },
  };
  writeFileSync(join(folder, 'package.json'), JSON.stringify(manifest));
  const flags = ['--no-audit', '--no-fund', '--no-package-lock', '--loglevel=error'];
  if (!WITH_SCRIPTS.has(name)) flags.push('--ignore-scripts');
  await run('npm', ['install', ...flags], { cwd: folder, limitMs: 240_000 });
  writeFileSync(join(folder, 'fetched'), '');
  return programs;
}
