/**
 * Parity from scratch: makes all fixtures anew with the reference programs of this machine and runs the tests on them. The fixtures
 * of the repository are put back. Skips, with its reason, where one of them is missing.
 */
import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const python = existsSync('/usr/bin/python3') ? '/usr/bin/python3' : 'python3';
const probe = spawnSync(
  python,
  ['-c', 'import PIL, cv2, numpy, scipy, skimage, torch, torchaudio, torchvision; print(torch.__version__)'],
  { encoding: 'utf8' },
);
if (probe.status !== 0) {
  const reason = probe.error?.message ?? probe.stderr.trim().split('\n').pop();
  console.log(
    `reference: skipped, ${python} has not all of PyTorch, torchaudio, torchvision, SciPy, scikit-image, OpenCV and Pillow (${reason})`,
  );
  process.exit(0);
}
console.log(`reference: PyTorch ${probe.stdout.trim()}`);

const scripts = readdirSync('reference').filter((name) => name.endsWith('.py'));
const packages = readdirSync('packages').filter((name) => existsSync(join('packages', name, 'fixtures')));
const backup = mkdtempSync(join(tmpdir(), 'lipsync-fixtures-'));
const fixtures = (name) => join('packages', name, 'fixtures');
for (const name of packages) cpSync(fixtures(name), join(backup, name), { recursive: true });

let failed = false;
try {
  for (const script of scripts) {
    const { status, stderr } = spawnSync(python, [join('reference', script)], { encoding: 'utf8' });
    console.log(`reference: ${script} ${status === 0 ? 'ran' : `FAILED\n${stderr}`}`);
    failed ||= status !== 0;
  }
  const projects = packages.flatMap((name) => ['--project', name]);
  const tests = spawnSync('pnpm', ['exec', 'vitest', 'run', ...projects], {
    stdio: 'inherit',
    shell: process.platform === 'win32',
  });
  failed ||= tests.status !== 0;
} finally {
  for (const name of packages) {
    rmSync(fixtures(name), { recursive: true, force: true });
    cpSync(join(backup, name), fixtures(name), { recursive: true });
  }
  rmSync(backup, { recursive: true, force: true });
}
if (failed) process.exit(1);
