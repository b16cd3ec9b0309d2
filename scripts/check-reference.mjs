/**
 * Parity from scratch: a copy of the packages gets fixtures made anew by the reference programs of this machine, and the tests that read fixtures run
 * on them. The repository itself is not touched. Skipped, with its reason, where one of the Python packages is missing.
 *
 *     node scripts/check-reference.mjs [--keep] [PACKAGE ...]      the packages whose tests run, by default all; --keep leaves the copy and names it
 */
import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const { values, positionals } = parseArgs({ options: { keep: { type: 'boolean' } }, allowPositionals: true });
const python = existsSync('/usr/bin/python3') ? '/usr/bin/python3' : 'python3';
const modules = 'PIL, cv2, numpy, scipy, skimage, torch, torchaudio, torchvision';
const probe = spawnSync(python, ['-c', `import ${modules}; print(torch.__version__)`], { encoding: 'utf8' });
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
  makeFixtures();
  const tests = testsOfFixtures();
  console.log(`reference: ${tests.length} test files read fixtures`);
  if (tests.length === 0) throw new Error(`reference: no test of ${positionals.join(', ')} reads a fixture`);
  const vitest = join(root, 'node_modules/vitest/vitest.mjs');
  const words = [vitest, 'run', '--reporter=default', ...tests];
  const { status } = spawnSync(process.execPath, words, { cwd: copy, stdio: 'inherit' });
  failed ||= status !== 0;
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

function makeFixtures() {
  for (const script of readdirSync(join(copy, 'reference')).filter((name) => name.endsWith('.py'))) {
    const started = Date.now();
    const { status, stderr } = spawnSync(python, [join('reference', script)], { cwd: copy, encoding: 'utf8' });
    const seconds = ((Date.now() - started) / 1000).toFixed(1);
    console.log(`reference: ${script} ${status === 0 ? `ran in ${seconds} s` : `FAILED\n${stderr}`}`);
    failed ||= status !== 0;
  }
  for (const line of changes()) console.log(`reference: ${line}`);
}

/** Fixtures that came out otherwise than they are stored. */
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
      if (!existsSync(join(root, path))) return [`${path} is not in the repository`];
      return readFileSync(join(root, path)).equals(readFileSync(join(copy, path)))
        ? []
        : [`${path} has other bytes here`];
    });
  });
}

/** Test files that read a fixture, themselves or by what they import of their own package or of the helpers of another. */
function testsOfFixtures() {
  const packages = positionals.length > 0 ? positionals : readdirSync(join(copy, 'packages'));
  const known = new Map();
  const reads = (file) => {
    if (known.has(file)) return known.get(file);
    known.set(file, false);
    const text = readFileSync(file, 'utf8');
    const imports = [...text.matchAll(/(?:from|import) '(\.[^']*)'/g)]
      .map(([, path]) => resolve(dirname(file), path))
      .flatMap((path) => [`${path}.ts`, join(path, 'index.ts')].filter(existsSync));
    const found =
      /fixtures?\/|readFixture|testing\/fixture/.test(text) ||
      imports.some((path) => /\/testing\//.test(path) && reads(path));
    known.set(file, found);
    return found;
  };
  return packages.flatMap((name) => {
    const folder = join(copy, 'packages', name, 'src');
    const files = readdirSync(folder, { recursive: true }).filter((file) => file.endsWith('.test.ts'));
    return files
      .map((file) => join(folder, file))
      .filter(reads)
      .map((file) => relative(copy, file));
  });
}
