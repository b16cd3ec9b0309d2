/** What an application installs with a package: the size that its README says, and nothing that it does not need. */
import { existsSync, readdirSync, readFileSync, realpathSync, statSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';

/** Packages that need no TensorFlow.js. */
const ALONE = ['audio-mel', 'checkpoints', 'contracts', 'media'];

/** Packages with networks, which come without the packages that their files are taken from. */
const WITH_ENGINE = ['face-crop', 'score'];

/**
 * @param app folder in which the packages are installed.
 * @returns what does not hold, a line each.
 */
export function sizeProblems(app) {
  return [...ALONE, ...WITH_ENGINE].flatMap((name) => {
    const root = join(app, 'node_modules/@lipsync', name);
    const folders = withDependencies(root);
    const barred = ALONE.includes(name) ? 'tfjs' : '@vladmandic/';
    const found = [...folders.keys()].find((dependency) => dependency.includes(barred));
    const problems = found ? [`@lipsync/${name} must install nothing of ${barred}, got ${found}`] : [];
    const megabytes = [...folders.values()].reduce((sum, folder) => sum + bytesOf(folder), 0) / 1e6;
    console.log(`installed: @lipsync/${name} installs ${megabytes.toFixed(2)} MB, packages: ${[...folders.keys()]}`);
    const stated = Number(/Installs ([\d.]+) MB/.exec(readFileSync(join(root, 'README.md'), 'utf8'))?.[1]);
    // A figure is rounded, and should not need a correction for every line of code.
    if (!(stated >= 0.85 * megabytes && stated <= 1.5 * megabytes))
      problems.push(
        `the README of @lipsync/${name} must say "Installs N MB" for ${megabytes.toFixed(2)} MB, got ${stated}`,
      );
    return problems;
  });
}

/** The folders of a package and of all that it needs, by name; optional dependencies and peers are left out. */
function withDependencies(folder, found = new Map()) {
  const { name, dependencies, peerDependencies, peerDependenciesMeta } = manifestOf(folder);
  if (found.has(name)) return found;
  found.set(name, folder);
  const peers = Object.keys(peerDependencies ?? {}).filter((peer) => !peerDependenciesMeta?.[peer]?.optional);
  for (const other of [...Object.keys(dependencies ?? {}), ...peers]) {
    const places = createRequire(join(folder, 'package.json')).resolve.paths(other);
    const place = places.map((path) => join(path, other)).find((path) => existsSync(join(path, 'package.json')));
    if (!place) throw new Error(`installed-size: ${name} must find ${other} in ${places.join(', ')}`);
    withDependencies(realpathSync(place), found);
  }
  return found;
}

const manifestOf = (folder) => JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));

/** All files of a package, without packages below it. */
function bytesOf(folder) {
  return readdirSync(folder, { withFileTypes: true })
    .filter(({ name }) => name !== 'node_modules')
    .reduce((sum, entry) => {
      const path = join(folder, entry.name);
      return sum + (entry.isDirectory() ? bytesOf(path) : statSync(path).size);
    }, 0);
}
