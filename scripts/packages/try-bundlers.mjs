/**
 * A page that calls `scoreVideo(file)`, bundled from the installed packages by Vite, webpack, Rollup and esbuild, each
 * without options about these packages: the build must pass, import no module of Node, and, where the bundler copies files,
 * hold the weights and the wasm files. Bundlers that the workspace lacks are installed beside it, or skipped, saying so.
 */
import { createHash } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { installInScratch, scratch } from '../../tests/browser/scratch.mjs';

/** The script of a page. */
const PAGE = `import { scoreVideo } from '@lipsync/score';
document.querySelector('input').onchange = async ({ target }) => console.log(await scoreVideo(target.files[0]));
`;

/** Files that networks need, and bundlers find by their addresses. */
const FILES = [
  'pretrained/data/expert.safetensors',
  'mediapipe-weights/dist/models/blazeface.bin',
  'face-crop/dist/models/face_landmark_68_model.bin',
  'backends/dist/wasm/tfjs-backend-wasm.wasm',
  'backends/dist/wasm/tfjs-backend-wasm-simd.wasm',
  'backends/dist/wasm/tfjs-backend-wasm-threaded-simd.wasm',
];
const workspace = createRequire(import.meta.url);
const tsup = createRequire(workspace.resolve('tsup'));
const vitest = createRequire(workspace.resolve('vitest/package.json'));
const load = async (require, name) => import(pathToFileURL(require.resolve(name)).href);

/** By name: builds the page into a folder; whether the bundler copies files. */
const BUNDLERS = {
  vite: { build: buildWithVite, copies: true },
  webpack: { build: buildWithWebpack, copies: true, needs: ['webpack'] },
  rollup: { build: buildWithRollup, needs: ['@rollup/plugin-node-resolve', '@rollup/plugin-commonjs'] },
  esbuild: { build: buildWithEsbuild },
};

/**
 * @param app folder in which the packages are installed.
 * @returns what does not hold, a line each.
 */
export async function tryBundlers(app) {
  writeFileSync(join(app, 'page.js'), PAGE);
  writeFileSync(
    join(app, 'index.html'),
    '<!doctype html><input type="file" /><script type="module" src="./page.js"></script>\n',
  );
  const problems = [];
  for (const [name, { build, copies = false, needs = [] }] of Object.entries(BUNDLERS)) {
    try {
      installInScratch(needs);
    } catch (error) {
      console.log(`installed: ${name} skipped (${error.message})`);
      continue;
    }
    const out = realpathSync(mkdtempSync(join(app, `${name}-`)));
    try {
      await build(app, out);
      problems.push(...bundleProblems(app, out, copies).map((problem) => `${name}: ${problem}`));
      console.log(`installed: a page with scoreVideo(file) is built by ${name}${copies ? ', with its files' : ''}`);
    } catch (error) {
      problems.push(`${name}: the build must pass, got ${error.message.split('\n').slice(0, 4).join(' | ')}`);
    } finally {
      rmSync(out, { recursive: true, force: true });
    }
  }
  return problems;
}

function bundleProblems(app, out, copies) {
  const problems = [];
  const paths = readdirSync(out, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name));
  for (const path of paths.filter((one) => /\.m?js$/.test(one))) {
    const [named] = /(\bfrom|\bimport)\s*\(?\s*["']node:[^"']+["']/.exec(readFileSync(path, 'utf8')) ?? [];
    if (named) problems.push(`the page must import no module of Node, got ${named}`);
  }
  if (!copies) return problems;
  const hashes = new Set(paths.map(hashOf));
  for (const file of FILES) {
    if (!hashes.has(hashOf(join(app, 'node_modules/@lipsync', file)))) problems.push(`the build must copy ${file}`);
  }
  return problems;
}

const hashOf = (path) => createHash('sha256').update(readFileSync(path)).digest('hex');

async function buildWithVite(app, out) {
  const { build } = await load(vitest, 'vite'); // comes with vitest
  await build({ root: app, configFile: false, logLevel: 'silent', build: { outDir: out, minify: false } });
}

async function buildWithWebpack(app, out) {
  const { default: webpack } = await load(createRequire(`${scratch}/package.json`), 'webpack');
  const stats = await new Promise((resolve, reject) => {
    const options = { mode: 'development', devtool: false, context: app, entry: './page.js', output: { path: out } };
    webpack(options, (error, result) => (error ? reject(error) : resolve(result)));
  });
  const { errors } = stats.toJson({ all: false, errors: true });
  if (errors.length > 0) throw new Error(errors.map(({ message }) => message.split('\n')[0]).join('; '));
}

async function buildWithRollup(app, out) {
  const { rollup } = await load(tsup, 'rollup'); // comes with tsup
  const require = createRequire(`${scratch}/package.json`);
  const [{ nodeResolve }, { default: commonjs }] = await Promise.all([
    load(require, '@rollup/plugin-node-resolve'),
    load(require, '@rollup/plugin-commonjs'),
  ]);
  const missing = [];
  const bundle = await rollup({
    input: join(app, 'page.js'),
    // What every page needs that uses npm packages.
    plugins: [nodeResolve({ browser: true }), commonjs()],
    onwarn: ({ code, message }) => code === 'UNRESOLVED_IMPORT' && missing.push(message),
  });
  await bundle.write({ dir: out, format: 'es' });
  if (missing.length > 0) throw new Error(missing.join('; '));
}

async function buildWithEsbuild(app, out) {
  const esbuild = tsup('esbuild');
  const options = { bundle: true, format: 'esm', splitting: true, target: 'es2022', logLevel: 'silent' };
  await esbuild.build({ entryPoints: [join(app, 'page.js')], ...options, outdir: out });
}
