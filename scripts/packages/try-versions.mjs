/**
 * `changeset version` in a copy of the manifests, without install: what the next release would be, and what two small releases after it would be.
 * Ranges between packages decide that: docs/decisions/2026-12-01-versions-below-one.md.
 */
import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const CLI = createRequire(import.meta.url).resolve('@changesets/cli/bin.js');
const FIRST = '0.1.0';
const TENSORFLOW = '@tensorflow/tfjs-core';

/**
 * @param names of packages, without `@lipsync/`. @param majors packages for which a changeset asks for a new major, with `@lipsync/`.
 * @returns what does not hold, a line each.
 */
export function versionProblems(names, majors) {
  const folder = mkdtempSync(join(tmpdir(), 'lipsync-versions-'));
  try {
    copyManifests(folder);
    return [...rangeProblems(folder, names), ...releaseProblems(folder, names, majors)];
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function copyManifests(folder) {
  for (const parent of ['packages', 'examples']) {
    for (const name of readdirSync(parent)) {
      if (!existsSync(join(parent, name, 'package.json'))) continue;
      mkdirSync(join(folder, parent, name), { recursive: true });
      cpSync(join(parent, name, 'package.json'), join(folder, parent, name, 'package.json'));
    }
  }
  for (const path of ['package.json', 'pnpm-workspace.yaml']) cpSync(path, join(folder, path));
  cpSync('.changeset', join(folder, '.changeset'), { recursive: true });
}

const manifestOf = (folder, name) => JSON.parse(readFileSync(join(folder, 'packages', name, 'package.json'), 'utf8'));

/** Ranges that would tie packages together more than they need. */
function rangeProblems(folder, names) {
  return names.flatMap((name) => {
    const { dependencies = {}, devDependencies = {}, peerDependencies = {} } = manifestOf(folder, name);
    const problems = [];
    for (const [other, range] of Object.entries({ ...dependencies, ...devDependencies }))
      if (other.startsWith('@lipsync/') && range !== 'workspace:^')
        problems.push(`@lipsync/${name} must depend on ${other} by workspace:^, got ${range}`);
    for (const [other, range] of Object.entries(peerDependencies))
      if (/^(workspace:)?(\*|=?\d+\.\d+\.\d+\S*)$/.test(range))
        problems.push(`@lipsync/${name} must take its peer ${other} in a range, got ${range}`);
    const range = peerDependencies[TENSORFLOW];
    if (range && range !== '^4.22.0')
      problems.push(`@lipsync/${name} must take ${TENSORFLOW} by ^4.22.0 as a peer, got ${range}`);
    return problems;
  });
}

function releaseProblems(folder, names, majors) {
  const problems = [];
  const versions = () => new Map(names.map((name) => [name, manifestOf(folder, name).version]));
  const release = () => {
    const { status, stdout, stderr } = spawnSync(process.execPath, [CLI, 'version'], { cwd: folder, encoding: 'utf8' });
    if (status !== 0) problems.push(`changeset version ended with ${status}: ${stdout}${stderr}`);
    return versions();
  };
  const major = (version) => version.split('.')[0];

  const before = versions();
  const first = release();
  for (const [name, version] of first) {
    const old = before.get(name);
    if (old === '0.0.0' && version !== FIRST)
      problems.push(`@lipsync/${name} must start at ${FIRST}, changeset version gives ${version}`);
    if (old !== '0.0.0' && major(version) !== major(old) && !majors.has(`@lipsync/${name}`))
      problems.push(`@lipsync/${name} would go from ${old} to ${version}, but no changeset asks for a major`);
  }

  writeChangeset(folder, ['contracts'], 'patch');
  const patched = release();
  for (const name of names)
    if ((patched.get(name) !== first.get(name)) !== (name === 'contracts'))
      problems.push(
        `a patch of contracts must release contracts alone, @lipsync/${name}: ${first.get(name)} -> ${patched.get(name)}`,
      );

  const peers = new Set(names.flatMap((name) => Object.keys(manifestOf(folder, name).peerDependencies ?? {})));
  const optional = names.filter((name) => peers.has(`@lipsync/${name}`));
  writeChangeset(folder, optional, 'minor');
  for (const [name, version] of release())
    if (major(version) !== major(patched.get(name)))
      problems.push(
        `a minor of ${optional.join(', ')} must give no major, @lipsync/${name}: ${patched.get(name)} -> ${version}`,
      );
  return problems;
}

function writeChangeset(folder, names, kind) {
  const front = names.map((name) => `"@lipsync/${name}": ${kind}\n`).join('');
  writeFileSync(join(folder, '.changeset/try.md'), `---\n${front}---\n\nTried.\n`);
}
