/**
 * Packed packages as an application has them, outside the workspace: their tarballs in `node_modules/@lipsync`, the packages of others beside them.
 * The trained weights are loaded in Node, as ESM and as CommonJS; bundlers are tried by try-bundlers.mjs.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, realpathSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

/** What both programs do; without a network. */
const PROGRAM = `
globalThis.fetch = () => { throw new Error('the network must not be used'); };
const check = async ({ EXPERT_FILES, EXPERT_SHA256 }, { loadExpert }, { createHash }, { readFileSync }) => {
  for (const [part, { url, bytes, sha256 }] of Object.entries(EXPERT_FILES)) {
    const found = readFileSync(url);
    if (found.length !== bytes || createHash('sha256').update(found).digest('hex') !== sha256)
      throw new Error(part + ' must be the file that is exported, got ' + found.length + ' bytes at ' + url);
  }
  const expert = await loadExpert(undefined, { log() {} });
  if (expert.weightsHash !== EXPERT_SHA256) throw new Error('loadExpert must load the package, got ' + expert.weightsHash);
  expert.dispose();
};`;
const MODULES = ['@lipsync/pretrained', '@lipsync/score', 'node:crypto', 'node:fs'].map((name) => JSON.stringify(name));
const PROGRAMS = {
  'esm.mjs': `${PROGRAM}\nawait check(${MODULES.map((name) => `await import(${name})`).join(', ')});\n`,
  'cjs.cjs': `${PROGRAM}\ncheck(${MODULES.map((name) => `require(${name})`).join(', ')});\n`,
};

/**
 * Installs the tarballs into a new folder below `folder` and tries them.
 *
 * @param tarballs path by package, without `@lipsync/`.
 * @returns what does not hold, a line each.
 */
export async function tryInstalled(folder, tarballs) {
  const app = join(folder, 'app');
  install(app, tarballs);
  const problems = [];
  for (const [file, text] of Object.entries(PROGRAMS)) {
    writeFileSync(join(app, file), text);
    const { status, stderr } = spawnSync(process.execPath, [file], { cwd: app, encoding: 'utf8' });
    if (status !== 0) problems.push(`${file} ended with ${status}: ${stderr.trim()}`);
  }
  return problems;
}

function install(app, tarballs) {
  for (const [name, tarball] of tarballs) {
    const target = join(app, 'node_modules/@lipsync', name);
    mkdirSync(target, { recursive: true });
    execFileSync('tar', ['-xzf', tarball, '-C', target, '--strip-components', '1']);
    const { dependencies, peerDependencies } = JSON.parse(readFileSync(join(target, 'package.json'), 'utf8'));
    for (const other of Object.keys({ ...dependencies, ...peerDependencies })) {
      if (!other.startsWith('@lipsync/')) link(app, other, join('packages', name, 'node_modules', other));
    }
  }
}

/** The one copy of a package of others that the workspace has, with its own dependencies beside it. */
function link(app, name, path) {
  const target = join(app, 'node_modules', name);
  mkdirSync(dirname(target), { recursive: true });
  try {
    symlinkSync(realpathSync(path), target, 'junction');
  } catch (error) {
    if (!['EEXIST', 'ENOENT'].includes(error.code)) throw error; // another package has it, too; or nobody here has it
  }
}
