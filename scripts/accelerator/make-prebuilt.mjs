/**
 * Makes the package `@lipsync/accelerator-onednn-<os>-<cpu>` of the machine on which it runs, and packs it:
 *
 *     node scripts/accelerator/make-prebuilt.mjs --out prebuilt [--try] [--licences FOLDER] [--flag=-I/opt/onednn/include ...]
 *
 * The module is compiled from packages/accelerator-onednn/native. Where oneDNN is a static library (as .github/workflows/prebuilt.yml builds it) it is
 * part of the module. Debian's libdnnl-dev has none: then the shared library, and those that it needs beside the system's, lie in the package too and
 * are found from the module's own folder, never at a fixed place. Their licences are added.
 */
import { execFileSync } from 'node:child_process';
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { withRepository } from '../packages/name-repository.mjs';
import { carriedLibraries, licenceOf } from './carried-libraries.mjs';
import { tryPrebuilt } from './try-prebuilt.mjs';

const NAME = `accelerator-onednn-${process.platform}-${process.arch}`;
const MAC = process.platform === 'darwin';
/** The folder of the module is searched first, for it and for the libraries that its libraries need. */
const LINK = MAC ? ['-Wl,-rpath,@loader_path'] : ['-Wl,--disable-new-dtags,-rpath,$ORIGIN', '-static-libgcc'];

/**
 * @param out folder for the tarball, made where it is missing. @param options `flags` for the compiler; `licences`, a folder of licences of libraries.
 * @returns path of the tarball, and the names of the libraries in it.
 */
export async function makePrebuilt(out, { flags = [], licences } = {}) {
  const scratch = mkdtempSync(join(tmpdir(), 'lipsync-prebuilt-'));
  try {
    const folder = join(scratch, NAME);
    mkdirSync(folder);
    const file = await build(folder, [...LINK, ...flags]);
    const libraries = carry(file, folder, licences);
    writeTexts(folder, libraries);
    mkdirSync(out, { recursive: true });
    const words = ['pack', '--json', '--pack-destination', resolve(out)];
    const [{ filename }] = JSON.parse(execFileSync('npm', words, { cwd: folder, encoding: 'utf8' }));
    return { tarball: join(resolve(out), filename), libraries: [...libraries.keys()] };
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

async function build(folder, flags) {
  const module = new URL('../../packages/accelerator-onednn/dist/index.js', import.meta.url);
  const { buildAccelerator } = await import(module.href);
  const before = process.env.LIPSYNC_ACCELERATOR_DIR;
  process.env.LIPSYNC_ACCELERATOR_DIR = folder;
  try {
    return await buildAccelerator({ flags, log: console.error });
  } finally {
    if (before === undefined) delete process.env.LIPSYNC_ACCELERATOR_DIR;
    else process.env.LIPSYNC_ACCELERATOR_DIR = before;
  }
}

/** Copies the libraries beside the module. @returns licence by name of the library. */
function carry(file, folder, licences) {
  const texts = new Map();
  for (const [name, path] of carriedLibraries(file)) {
    copyFileSync(path, join(folder, basename(name)));
    texts.set(basename(name), licenceOf(path, licences));
    if (MAC) execFileSync('install_name_tool', ['-change', name, `@loader_path/${basename(name)}`, file]);
  }
  if (MAC) execFileSync('codesign', ['--force', '--sign', '-', file]); // changing a name breaks the signature
  // A static oneDNN is in the module itself.
  if (![...texts.keys()].some((name) => name.startsWith('libdnnl')))
    texts.set('oneDNN', licenceOf('libdnnl', licences));
  return texts;
}

function writeTexts(folder, libraries) {
  const { version, engines, publishConfig, license, keywords } = JSON.parse(
    readFileSync('packages/accelerator-onednn/package.json', 'utf8'),
  );
  const manifest = {
    name: `@lipsync/${NAME}`,
    version,
    description: `Native module of @lipsync/accelerator-onednn for ${process.platform} on ${process.arch}`,
    keywords,
    license,
    os: [process.platform],
    cpu: [process.arch],
    ...(process.platform === 'linux' ? { libc: ['glibc'] } : {}),
    files: ['*.node', '*.so*', '*.dylib', 'LICENCES'],
    engines,
    publishConfig,
    preferUnplugged: true,
  };
  writeFileSync(join(folder, 'package.json'), `${JSON.stringify(named(manifest), undefined, 2)}\n`);
  copyFileSync('LICENSE', join(folder, 'LICENSE'));
  mkdirSync(join(folder, 'LICENCES'));
  for (const [name, text] of libraries) writeFileSync(join(folder, 'LICENCES', `${name}.txt`), text);
  const readme = `# @lipsync/${NAME}

The native module of [\`@lipsync/accelerator-onednn\`](https://www.npmjs.com/package/@lipsync/accelerator-onednn) for
${process.platform} on ${process.arch}, compiled. It is installed with that package where it fits; nothing imports it by name.

In it: ${[...libraries.keys()].join(', ')}, under the licences in \`LICENCES\`. The rest is Apache-2.0.
`;
  writeFileSync(join(folder, 'README.md'), readme);
}

/** In a workflow of GitHub with its repository, without which npm takes no provenance. */
function named(manifest) {
  const { GITHUB_SERVER_URL, GITHUB_REPOSITORY } = process.env;
  if (!GITHUB_SERVER_URL || !GITHUB_REPOSITORY) return manifest;
  return withRepository(manifest, `${GITHUB_SERVER_URL}/${GITHUB_REPOSITORY}`, 'packages/accelerator-onednn');
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const { values } = parseArgs({
    options: {
      out: { type: 'string', default: 'prebuilt' },
      licences: { type: 'string' },
      flag: { type: 'string', multiple: true, default: [] },
      try: { type: 'boolean' },
    },
  });
  const { tarball, libraries } = await makePrebuilt(values.out, { flags: values.flag, licences: values.licences });
  console.log(`${tarball}, with ${libraries.join(', ')}`);
  if (values.try) {
    const scratch = mkdtempSync(join(tmpdir(), 'lipsync-prebuilt-'));
    console.log(`it opens oneDNN ${tryPrebuilt(scratch, tarball)}`);
    rmSync(scratch, { recursive: true, force: true });
  }
}
