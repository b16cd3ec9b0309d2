/**
 * Type-checks the code in READMEs, in docs/ and in the doc comments, runs the blocks that ask for it, and follows the links:
 *
 *     node scripts/check-docs.mjs                        everything
 *     node scripts/check-docs.mjs packages/metrics       one package or page, for instance while writing
 *     node scripts/check-docs.mjs --no-run               types and links only; needs no built packages
 *
 * A `ts` block of a page must compile as it stands, and lines of `sh` blocks that call lipsync must have its commands and options. Words after `ts` and
 * `sh`: `run` executes the block too, on the built packages, in a folder with the files of scripts/docs/make-inputs.mjs; `continued` (`ts`) appends the
 * block to the one above it. An HTML comment `<!-- given … -->` right above
 * a block holds declarations that a reader does not need to see.
 *
 * An `@example` may leave its inputs undeclared: they are `any`. What it calls, constructs or uses as a type is imported where an @lipsync
 * package exports it, and must be declared or imported otherwise, so that a renamed function is found. It must mention what it documents.
 */
import { existsSync, mkdirSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { checkCommands } from './docs/check-commands.mjs';
import { checkInstalls } from './docs/check-installs.mjs';
import { checkPages } from './docs/check-pages.mjs';
import { checkTypes } from './docs/check-types.mjs';
import { collectBlocks, collectExamples } from './docs/collect-blocks.mjs';
import { runBlocks } from './docs/run-blocks.mjs';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
process.chdir(root);
const args = process.argv.slice(2);
const scopes = args.filter((arg) => !arg.startsWith('--')).map((path) => relative(root, resolve(path)));
const inScope = (path) => scopes.length === 0 || scopes.some((scope) => path === scope || path.startsWith(`${scope}/`));

function filesBelow(folder, ending) {
  if (!existsSync(folder)) return [];
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    if (
      ['node_modules', 'dist', 'fixtures', 'build', '.turbo'].includes(entry.name) ||
      path === join('site', 'reference')
    )
      return [];
    if (entry.isDirectory()) return filesBelow(path, ending);
    return path.endsWith(ending) ? [path] : [];
  });
}

const packages = readdirSync('packages').filter((name) => existsSync(`packages/${name}/package.json`));
const pages = [
  ...['README.md', 'CONTRIBUTING.md', 'SECURITY.md', 'CODE_OF_CONDUCT.md'],
  ...['docs', 'site', 'packages', 'examples', 'scripts/docs'].flatMap((folder) => filesBelow(folder, '.md')),
]
  .filter((path) => existsSync(path) && !path.endsWith('CHANGELOG.md'))
  .filter(inScope);
const sources = packages
  .flatMap((name) => filesBelow(`packages/${name}/src`, '.ts'))
  .filter((path) => !/\.test\.ts$|\/testing\//.test(path))
  .filter(inScope);

/** Blocks are written below the root, where module names resolve as they do for the packages. */
const scratch = join(root, '.docs-check', String(process.pid));
rmSync(scratch, { recursive: true, force: true });
mkdirSync(join(scratch, 'node_modules/@lipsync'), { recursive: true });
writeFileSync(join(scratch, 'package.json'), '{ "type": "module", "private": true }\n');
for (const name of packages)
  symlinkSync(join(root, 'packages', name), join(scratch, 'node_modules/@lipsync', name), 'junction');

const problems = [];
const report = (file, line, message) => problems.push({ file, line, message });
const found = pages.flatMap((path) => collectBlocks(path, report));
const blocks = found.filter(({ language }) => language === 'ts');
const shell = found.filter(({ language }) => language === 'sh');
const examples = sources.flatMap((path) => collectExamples(path, report));
checkPages(pages, report);
checkTypes({ root, scratch, packages, blocks, examples, report });
checkInstalls({ blocks: found, report });
const commands = checkCommands({ root, packages, blocks: shell, report });
const wanted = found.filter(({ run }) => run);
if (wanted.length > 0 && problems.length === 0 && !args.includes('--no-run'))
  await runBlocks({ root, scratch, blocks: wanted, report });
if (!args.includes('--keep')) rmSync(scratch, { recursive: true, force: true });

problems.sort((a, b) => (a.file === b.file ? a.line - b.line : a.file < b.file ? -1 : 1));
for (const { file, line, message } of problems) console.error(`${file}:${line}: ${message}`);
const ran = problems.length === 0 && !args.includes('--no-run') ? `, ${wanted.length} blocks executed` : '';
console.log(
  `docs: ${pages.length} pages, ${blocks.length} blocks, ${commands} lines of lipsync${ran}, ${examples.length} examples: ${problems.length} problems`,
);
process.exit(problems.length === 0 ? 0 : 1);
