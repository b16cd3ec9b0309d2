/**
 * Writes the address of the repository into the manifest of every package, before a release:
 *
 *     node scripts/packages/name-repository.mjs https://github.com/OWNER/NAME
 *
 * In a workflow of GitHub the address is that of the repository in which it runs, which is also the one that the provenance of npm names. So the address
 * stands nowhere in the repository, and a fork publishes its own.
 */
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** A manifest with `homepage`, `repository` and `bugs`. @param directory of the package, such as `packages/score`. */
export function withRepository(manifest, address, directory) {
  const url = address.replace(/(\.git)?\/*$/, '');
  if (!/^https:\/\/[^/\s]+\/[^/\s]+\/[^/\s]+$/.test(url))
    throw new TypeError(`withRepository: address must be https://HOST/OWNER/NAME, got ${address}`);
  return {
    ...manifest,
    homepage: `${url}/tree/main/${directory}#readme`,
    repository: { type: 'git', url: `git+${url}.git`, directory },
    bugs: `${url}/issues`,
  };
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const { GITHUB_SERVER_URL = '', GITHUB_REPOSITORY = '' } = process.env;
  const [address = `${GITHUB_SERVER_URL}/${GITHUB_REPOSITORY}`] = process.argv.slice(2);
  for (const name of readdirSync('packages')) {
    const path = join('packages', name, 'package.json');
    if (!existsSync(path)) continue;
    const manifest = withRepository(JSON.parse(readFileSync(path, 'utf8')), address, `packages/${name}`);
    writeFileSync(path, `${JSON.stringify(manifest, undefined, 2)}\n`);
  }
}
