/**
 * Packed packages as an application has them, outside the workspace: their tarballs in `node_modules/@lipsync`, the packages of others beside them.
 * The trained weights are loaded in Node, as ESM and as CommonJS, and go through the bundlers of the workspace, Vite and esbuild.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, realpathSync, symlinkSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';

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

/** The script of a page. */
const PAGE = `import { loadExpert } from '@lipsync/score';\nglobalThis.load = () => loadExpert();\n`;

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
  writeFileSync(join(app, 'page.js'), PAGE);
  writeFileSync(join(app, 'index.html'), '<!doctype html><script type="module" src="./page.js"></script>\n');
  const weights = readFileSync(join(app, 'node_modules/@lipsync/pretrained/data/expert.safetensors'));
  problems.push(...(await tryVite(app, hashOf(weights))), ...(await tryEsbuild(app)));
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

const hashOf = (bytes) => createHash('sha256').update(bytes).digest('hex');
const workspace = createRequire(import.meta.url);

/** A build for the web: the weights are an asset, and their package stands in a chunk of its own. */
async function tryVite(app, sha256) {
  // Vite comes with vitest.
  const vite = await import(
    pathToFileURL(createRequire(workspace.resolve('vitest/package.json')).resolve('vite')).href
  );
  const { output } = await vite.build({ root: app, configFile: false, logLevel: 'silent', build: { write: false } });
  const asset = output.find(({ type, source }) => type === 'asset' && hashOf(source) === sha256);
  if (!asset) return ['vite build must copy expert.safetensors, got no such asset'];
  const users = output.filter(({ code }) => code?.includes(asset.fileName));
  const problems = [];
  if (users.length !== 1 || users[0].isEntry)
    problems.push(
      `vite build must name the weights in one chunk of their own, got ${users.map((one) => one.fileName)}`,
    );
  const static_ = output.flatMap(({ imports = [] }) => imports).filter((name) => name.startsWith('node:'));
  if (static_.length > 0) problems.push(`vite build must import no module of Node, got ${static_}`);
  return problems;
}

/** esbuild copies no files: the address stays as it is, in a chunk of its own. */
async function tryEsbuild(app) {
  // esbuild comes with tsup.
  const esbuild = createRequire(workspace.resolve('tsup'))('esbuild');
  const { outputFiles } = await esbuild.build({
    entryPoints: [join(app, 'page.js')],
    ...{ bundle: true, format: 'esm', splitting: true, target: 'es2022', write: false, logLevel: 'silent' },
    external: ['node:*'],
    outdir: join(app, 'bundle'),
  });
  const address = 'new URL("../data/expert.safetensors", import.meta.url)';
  const users = outputFiles.filter(({ text }) => text.includes(address));
  if (users.length === 1 && !users[0].path.endsWith('page.js')) return [];
  return [`esbuild must leave ${address} in a chunk of its own, got it in ${users.map(({ path }) => path)}`];
}
