/**
 * The next release, as .github/workflows/release.yml makes it, in a copy of the built packages: `changeset version`, the address of the repository, and
 * `changeset publish` into a registry on this machine.
 */
import { cpSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { basename, dirname, join, resolve } from 'node:path';
import { run } from './run.mjs';

const CHANGESET = createRequire(import.meta.url).resolve('@changesets/cli/bin.js');
const NAME_REPOSITORY = resolve('scripts/packages/name-repository.mjs');
const ROOT_FILES = ['package.json', 'pnpm-workspace.yaml', 'pnpm-lock.yaml', 'LICENSE', '.changeset'];
/** Parts of a package's folder that no tarball holds. */
const LEFT_OUT = new Set(['node_modules', 'src', 'fixtures', 'bench', 'build', '.turbo', '.vitest']);

/**
 * @param folder for the copy, which is made. @param registry from `startRegistry`.
 * @returns the manifests as they were published, by name.
 */
export async function releaseCopy(folder, registry) {
  const names = copyPackages(folder);
  // The tokens and registries of whoever runs this are out of reach.
  const npmrc = join(folder, 'npmrc');
  writeFileSync(npmrc, `registry=${registry.url}\n${registry.npmrc}`);
  const env = {
    npm_config_userconfig: npmrc,
    npm_config_registry: registry.url,
    GITHUB_SERVER_URL: 'https://github.com',
    GITHUB_REPOSITORY: 'owner/name',
    CI: '1',
  };
  const options = { cwd: folder, env, limitMs: 1_200_000 };
  await run(process.execPath, [CHANGESET, 'version'], options);
  await run(process.execPath, [NAME_REPOSITORY], options);
  await run(process.execPath, [CHANGESET, 'publish', '--no-git-tag'], options);
  const published = new Map();
  for (const name of names) {
    const answer = await fetch(`${registry.url}@lipsync%2f${name}`);
    const { 'dist-tags': tags = {}, versions = {} } = await answer.json();
    published.set(name, versions[tags.latest]);
  }
  return published;
}

/**
 * What callers see of a release.
 *
 * @param folder of the copy. @param published from `releaseCopy`.
 * @returns what does not hold, a line each.
 */
export function releaseProblems(folder, published) {
  return [...published].flatMap(([name, manifest]) => {
    if (!manifest) return [`@lipsync/${name} must be in the registry`];
    const problems = [];
    const { version, homepage, repository, bugs } = manifest;
    if (version !== manifestOf(folder, 'packages', name).version)
      problems.push(`@lipsync/${name} must be published as it was versioned, got ${version}`);
    if (!homepage?.endsWith(`/packages/${name}#readme`) || !repository?.url || !bugs?.url)
      problems.push(`@lipsync/${name} must name homepage, repository and bugs, got ${homepage}`);
    const changes = readFileSync(join(folder, 'packages', name, 'CHANGELOG.md'), 'utf8');
    if (!changes.includes(`## ${version}\n`)) problems.push(`the CHANGELOG of @lipsync/${name} must have ${version}`);
    const updated = changes.split('\n').filter((line) => line.startsWith('- Updated dependencies'));
    if (updated.length > changes.split(/^## /m).length - 1)
      problems.push(
        `the CHANGELOG of @lipsync/${name} must say "Updated dependencies" once a version, got ${updated.length}`,
      );
    return problems;
  });
}

function copyPackages(folder) {
  const names = readdirSync('packages').filter((name) => !manifestOf('packages', name).private);
  for (const parent of ['packages', 'examples']) {
    for (const name of readdirSync(parent)) {
      const filter = (path) => !LEFT_OUT.has(basename(path)) || dirname(path) !== join(parent, name);
      if (parent === 'packages') cpSync(join(parent, name), join(folder, parent, name), { recursive: true, filter });
      else cpSync(join(parent, name, 'package.json'), join(folder, parent, name, 'package.json'));
    }
  }
  for (const path of ROOT_FILES) cpSync(path, join(folder, path), { recursive: true });
  // pnpm reads the version behind workspace:^ from the package that is installed.
  for (const name of names) {
    const { dependencies = {}, devDependencies = {} } = manifestOf('packages', name);
    for (const [other, range] of Object.entries({ ...dependencies, ...devDependencies })) {
      if (!range.startsWith('workspace:')) continue;
      const own = other.slice('@lipsync/'.length);
      const target = join(folder, names.includes(own) ? 'packages' : 'examples', own);
      const link = join(folder, 'packages', name, 'node_modules', other);
      mkdirSync(dirname(link), { recursive: true });
      symlinkSync(target, link, 'junction');
    }
  }
  return names;
}

const manifestOf = (...folder) => JSON.parse(readFileSync(join(...folder, 'package.json'), 'utf8'));
