/**
 * Parity from scratch: a copy of the packages gets fixtures made anew by the reference programs of this machine. Where a package's come out with other
 * bytes, the tests that read fixtures of that package run on them; the others ran on the same bytes in the step `unit`. The repository itself is not
 * touched. Skipped, with its reason, where one of the Python packages is missing.
 *
 *     node scripts/check-reference.mjs [--keep] [PACKAGE ...]      the packages whose tests run, by default all; --keep leaves the copy and names it
 */
import { spawn, spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join, relative, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const { values, positionals } = parseArgs({ options: { keep: { type: 'boolean' } }, allowPositionals: true });
const python = existsSync('/usr/bin/python3') ? '/usr/bin/python3' : 'python3';
const modules = 'PIL, cv2, numpy, scipy, skimage, torch, torchaudio, torchvision';
const probe = spawnSync(python, ['-c', `import ${modules}, os; os.fork; print(torch.__version__)`], {
  encoding: 'utf8',
});
if (probe.status !== 0) {
  const reason = probe.error?.message ?? probe.stderr.trim().split('\n').pop();
  console.log(`reference: skipped, ${python} must have ${modules} (${reason})`);
  process.exit(0);
}
console.log(`reference: PyTorch ${probe.stdout.trim()}`);

const copy = mkdtempSync(join(tmpdir(), 'lipsync-reference-'));
let failed = false;
try {
  copyTree();
  await makeFixtures();
  const made = changes();
  for (const { path, text } of made) console.log(`reference: ${path} ${text}`);
  const all = testsOfFixtures();
  if (all.length === 0) throw new Error(`reference: no test of ${positionals.join(', ')} reads a fixture`);
  const tests = all.filter((test) => readsOneOf(test, made));
  console.log(`reference: ${tests.length} of ${all.length} test files that read fixtures read one of other bytes`);
  if (tests.length > 0) {
    const vitest = join(root, 'node_modules/vitest/vitest.mjs');
    const words = [vitest, 'run', '--reporter=default', ...tests.map(({ path }) => path)];
    const { status } = spawnSync(process.execPath, words, { cwd: copy, stdio: 'inherit' });
    failed ||= status !== 0;
  }
} finally {
  if (values.keep) console.log(`reference: the copy is ${copy}`);
  else rmSync(copy, { recursive: true, force: true });
}
process.exit(failed ? 1 : 0);

/** Sources and fixtures as files; what is installed and built by links. */
function copyTree() {
  const link = (path) => symlinkSync(join(root, path), join(copy, path), 'junction');
  for (const path of [
    'reference',
    'tests',
    'package.json',
    'vitest.config.ts',
    'vitest.workspace.ts',
    'tsconfig.json',
    'tsconfig.base.json',
  ])
    cpSync(join(root, path), join(copy, path), { recursive: true });
  link('node_modules');
  for (const parent of ['packages', 'examples']) {
    for (const name of readdirSync(join(root, parent))) {
      const folder = join(parent, name);
      mkdirSync(join(copy, folder), { recursive: true });
      for (const entry of ['src', 'fixtures', 'native', 'simd', 'package.json', 'tsconfig.json', 'bin'])
        if (existsSync(join(root, folder, entry)))
          cpSync(join(root, folder, entry), join(copy, folder, entry), { recursive: true });
      for (const entry of ['node_modules', 'dist', 'data'])
        if (existsSync(join(root, folder, entry))) link(join(folder, entry));
    }
  }
}

/** Runs the programs in one process of Python, which imports PyTorch once. */
async function makeFixtures() {
  const programs = readdirSync(join(copy, 'reference')).filter((name) => name.endsWith('.py'));
  const words = [join(root, 'scripts/reference/run-programs.py'), ...programs.map((name) => join('reference', name))];
  const child = spawn(python, words, { cwd: copy, stdio: ['ignore', 'pipe', 'inherit'] });
  let ran = 0;
  for await (const line of createInterface({ input: child.stdout })) {
    const { file, status, seconds, errors } = JSON.parse(line);
    console.log(
      `reference: ${basename(file)} ${status === 0 ? `ran in ${seconds} s` : `FAILED (${status})\n${errors}`}`,
    );
    failed ||= status !== 0;
    ran++;
  }
  if (ran < programs.length) throw new Error(`reference: ${programs.length} programs must run, got ${ran}`);
}

/** Fixtures that came out otherwise than they are stored, `{ path, text }`. */
function changes() {
  const packages = readdirSync(join(root, 'packages')).filter((name) =>
    existsSync(join(copy, 'packages', name, 'fixtures')),
  );
  return packages.flatMap((name) => {
    const folder = join('packages', name, 'fixtures');
    const files = readdirSync(join(copy, folder), { recursive: true, withFileTypes: true }).filter((entry) =>
      entry.isFile(),
    );
    return files.flatMap((entry) => {
      const path = relative(copy, join(entry.parentPath ?? entry.path, entry.name));
      if (!existsSync(join(root, path))) return [{ path, text: 'is not in the repository' }];
      return readFileSync(join(root, path)).equals(readFileSync(join(copy, path)))
        ? []
        : [{ path, text: 'has other bytes here' }];
    });
  });
}

/**
 * Whether a test reads a fixture of other bytes: of the packages whose fixtures it reads, itself or by its helpers. Which file of them it is cannot be
 * told from the text where names are put together.
 */
function readsOneOf({ packages }, made) {
  return made.some(({ path }) => packages.has(path.split(/[\\/]/)[1]));
}

/**
 * Test files that read a fixture, themselves or by what they import of their own package or of the helpers of another:
 * `{ path, packages }`, the packages whose fixtures those are.
 */
function testsOfFixtures() {
  const packages = positionals.length > 0 ? positionals : readdirSync(join(copy, 'packages'));
  const known = new Map();
  /** The packages whose fixtures a file reads. */
  const reads = (file) => {
    if (known.has(file)) return known.get(file);
    known.set(file, new Set());
    const text = readFileSync(file, 'utf8');
    const imports = [...text.matchAll(/(?:from|import) '(\.[^']*)'/g)]
      .map(([, path]) => resolve(dirname(file), path))
      .flatMap((path) => [`${path}.ts`, join(path, 'index.ts')].filter(existsSync));
    const own = relative(join(copy, 'packages'), file).split(/[\\/]/)[0];
    const found = new Set([...text.matchAll(/\.\.\/([a-z-]+)\/fixtures\//g)].map(([, name]) => name));
    if (
      /(\.\.\/|[^./a-z-])fixtures?\/|readFixture|testing\/fixture/.test(
        text.replaceAll(/\.\.\/[a-z-]+\/fixtures\//g, ''),
      )
    )
      found.add(own);
    for (const path of imports.filter((one) => /\/testing\//.test(one)))
      for (const name of reads(path)) found.add(name);
    known.set(file, found);
    return found;
  };
  return packages.flatMap((name) => {
    const folder = join(copy, 'packages', name, 'src');
    const files = readdirSync(folder, { recursive: true }).filter((file) => file.endsWith('.test.ts'));
    return files
      .map((file) => join(folder, file))
      .map((file) => ({ path: relative(copy, file), packages: reads(file) }))
      .filter((test) => test.packages.size > 0);
  });
}
