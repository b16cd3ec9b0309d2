/** Applications that run outside a browser, each with its own installer. All score the same video. */
import { mkdir, readdir, realpath, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fetchTool } from './fetch-tool.mjs';
import { CLIP, makeApplication, NPM_FLAGS, SCORE_PACKAGES, SCORE_PROGRAM, scoreIn, withFfmpeg } from './programs.mjs';
import { run } from './run.mjs';

/** The command in an empty folder, as its README says. */
export async function tryNpm(folder, registry) {
  await makeApplication(folder, registry, { 'package.json': '{ "private": true }\n' });
  await run('npm', ['install', ...NPM_FLAGS, '@lipsync/cli'], { cwd: folder });
  const options = { cwd: folder, env: withFfmpeg() };
  const output = await run('npx', ['@lipsync/cli', 'score', CLIP, '--json'], options);
  const [{ faces }] = JSON.parse(output).files;
  return faces[0];
}

/** Every package sees what it declares and nothing else. */
export async function tryPnpm(folder, registry) {
  const strict = ['hoist=false', 'public-hoist-pattern=', 'auto-install-peers=false', 'strict-peer-dependencies=true'];
  await makeApplication(folder, registry, {
    '.npmrc': `${registry.npmrc}${strict.join('\n')}\n`,
    'pnpm-workspace.yaml': 'packages: []\n', // the root of its own workspace
    'score.mjs': SCORE_PROGRAM,
  });
  await run('pnpm', ['add', '--ignore-scripts', ...SCORE_PACKAGES], { cwd: folder });
  const seen = await readdir(join(folder, 'node_modules/@lipsync'));
  if (seen.length !== 3) throw new Error(`pnpm must show three packages, got ${seen}`);
  return scoreIn(await run(process.execPath, ['score.mjs'], { cwd: folder, env: withFfmpeg() }));
}

export async function tryBun(folder, registry) {
  const bun = await realpath(join(await fetchTool('bun'), 'bun'));
  await makeApplication(folder, registry, { 'score.mjs': SCORE_PROGRAM });
  await run(bun, ['add', '--ignore-scripts', ...SCORE_PACKAGES], { cwd: folder });
  return scoreIn(await run(bun, ['run', 'score.mjs'], { cwd: folder, env: withFfmpeg() }));
}

export async function tryDeno(folder, registry) {
  const deno = await realpath(join(await fetchTool('deno'), 'deno'));
  const dependencies = Object.fromEntries(SCORE_PACKAGES.map((name) => splitVersion(name)));
  await makeApplication(folder, registry, {
    'package.json': JSON.stringify({ private: true, type: 'module', dependencies }),
    'score.mjs': SCORE_PROGRAM,
  });
  const env = { ...withFfmpeg(), DENO_DIR: join(folder, '.deno'), DENO_NO_UPDATE_CHECK: '1', NO_COLOR: '1' };
  // Published a minute ago; by default Deno waits a day.
  await run(deno, ['install', '--minimum-dependency-age', '0'], { cwd: folder, env });
  return scoreIn(await run(deno, ['run', '--allow-all', 'score.mjs'], { cwd: folder, env }));
}

/** The application of pnpm on another version of Node, from the npm package `node`. */
export const tryNode = (tool) => async (folder, registry) => {
  const node = await realpath(join(await fetchTool(tool), 'node'));
  await makeApplication(folder, registry, { 'score.mjs': SCORE_PROGRAM });
  await run('npm', ['install', ...NPM_FLAGS, ...SCORE_PACKAGES], { cwd: folder });
  return scoreIn(await run(node, ['score.mjs'], { cwd: folder, env: withFfmpeg() }));
};

const splitVersion = (name) => (name.lastIndexOf('@') > 0 ? name.split(/(?<=.)@/) : [name, 'latest']);

/**
 * TypeScript, strict: every entry of every package in one program. With `skipLibCheck: false` too, where tfjs and mediabunny ask for two settings:
 * `lib: dom`, and no `@types/dom-webcodecs` beside it, which says the same as TypeScript's own library.
 */
export async function tryTypes(folder, registry) {
  await makeApplication(folder, registry);
  const names = [...registry.published.keys()].map((name) => `@lipsync/${name}`);
  await run('npm', ['install', ...NPM_FLAGS, ...names, '@tensorflow/tfjs-core@4.22.0', 'typescript@5.9.3'], {
    cwd: folder,
  });
  const entries = [...registry.published.values()].flatMap(({ name, exports }) =>
    Object.entries(exports)
      .filter(([, target]) => typeof target === 'object')
      .map(([entry]) => name + entry.slice(1)),
  );
  const lines = entries.map((entry, i) => `import * as part${i} from '${entry}';\nvoid part${i};`);
  lines.push(
    SCORE_PROGRAM.replace('console.log', 'const sentence: string = faces[0].sentence;\nvoid sentence;\nvoid '),
  );
  await mkdir(join(folder, 'src'));
  await writeFile(join(folder, 'src/all.mts'), `${lines.join('\n')}\n`);
  for (const [skipLibCheck, resolution] of [
    [true, 'nodenext'],
    [true, 'bundler'],
    [false, 'nodenext'],
  ]) {
    const compilerOptions = {
      ...{ strict: true, noEmit: true, target: 'es2022', lib: ['es2022', 'dom'], skipLibCheck },
      ...{ moduleResolution: resolution, module: resolution === 'bundler' ? 'esnext' : resolution, types: ['long'] },
    };
    await writeFile(join(folder, 'tsconfig.json'), JSON.stringify({ compilerOptions, files: ['src/all.mts'] }));
    await run(process.execPath, ['node_modules/typescript/bin/tsc', '-p', '.'], { cwd: folder });
  }
  return { said: `${entries.length} entries, skipLibCheck on and off` };
}
