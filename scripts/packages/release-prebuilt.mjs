/**
 * Publishes the packages of the accelerator for each platform, and writes them into the manifest of @lipsync/accelerator-onednn as optional dependencies,
 * before that is published:
 *
 *     node scripts/packages/release-prebuilt.mjs prebuilt
 *
 * The folder holds the tarballs of scripts/accelerator/make-prebuilt.mjs, from the workflow; without it nothing is done, and the accelerator is released
 * as one that is built on each machine. They stand in no manifest of the repository, since a lockfile cannot name what is not published yet. Their version
 * is that of the accelerator, exactly: a module fits one source.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const [folder = 'prebuilt'] = process.argv.slice(2);
const path = 'packages/accelerator-onednn/package.json';
const manifest = JSON.parse(readFileSync(path, 'utf8'));
const shell = process.platform === 'win32';
const tarballs = existsSync(folder) ? readdirSync(folder).filter((name) => name.endsWith('.tgz')) : [];

const optionalDependencies = {};
for (const tarball of tarballs) {
  const file = join(folder, tarball);
  const packed = JSON.parse(execFileSync('tar', ['-xzOf', file, 'package/package.json'], { encoding: 'utf8' }));
  if (packed.version !== manifest.version)
    throw new Error(
      `release-prebuilt: ${tarball} must be of version ${manifest.version}, as ${path}, got ${packed.version}`,
    );
  optionalDependencies[packed.name] = packed.version;
  const known = spawnSync('npm', ['view', `${packed.name}@${packed.version}`, 'version'], { encoding: 'utf8', shell });
  if (known.stdout.trim() === packed.version) {
    console.log(`${packed.name} ${packed.version} is published already`);
    continue;
  }
  execFileSync('npm', ['publish', file, '--access', 'public'], { stdio: 'inherit', shell });
}
if (tarballs.length > 0)
  writeFileSync(path, `${JSON.stringify({ ...manifest, optionalDependencies }, undefined, 2)}\n`);
console.log(`${tarballs.length} packages for platforms`);
