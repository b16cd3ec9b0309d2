/**
 * Completes @tensorflow/tfjs-node 4.22.0 where its own download is out of reach: TensorFlow comes from the wheel
 * `tensorflow-cpu` of PyPI, which holds its libraries and the headers of its C interface; the addon is compiled by the package's own install script.
 *
 *     node scripts/build-tfjs-node.mjs                                          into .tools/tfjs-node, for this repository
 *     npm install --ignore-scripts @tensorflow/tfjs-node@4.22.0                 or, in an application,
 *     node scripts/build-tfjs-node.mjs node_modules/@tensorflow/tfjs-node       completes what npm has laid there
 *
 * `--tensorflow 2.15.1` names the version, `--wheel FILE` a wheel that is here already. Linux x64; needs Python 3 with pip, make, g++ and, where the
 * headers are not installed beside `node`, nodejs.org. About 210 MB of download, 0.9 GB on disk. Ends with status 75 and the reason where that is missing.
 */
import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { SKIPPED } from './skipped.mjs';

const PACKAGE = '@tensorflow/tfjs-node';
const PACKAGE_VERSION = '4.22.0';
/** The version whose presence the package's install script looks for. */
const EXPECTED = '2.9.1';
const LIBRARIES = { libtensorflow: 'libtensorflow_cc.so.2', libtensorflow_framework: 'libtensorflow_framework.so.2' };
/** What the addon includes, directly or not. */
const HEADERS = ['tensorflow/c/', 'tensorflow/core/platform/', 'tsl/c/', 'tsl/platform/'];

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { tensorflow: { type: 'string', default: '2.15.1' }, wheel: { type: 'string' } },
});
const root = dirname(dirname(fileURLToPath(import.meta.url)));

/** Something that this machine lacks: no fault of what is built. */
class Missing extends Error {}

try {
  needPrograms();
  const folder = positionals[0] ? resolve(positionals[0]) : installHere();
  layTensorflow(folder);
  compileAddon(folder);
  const version = started(folder);
  console.log(`tfjs-node: TensorFlow ${version} runs under ${PACKAGE} ${PACKAGE_VERSION} in ${folder}`);
} catch (error) {
  console.error(`tfjs-node: ${error instanceof Missing ? 'skipped' : 'failed'}, ${error.message}`);
  process.exit(error instanceof Missing ? SKIPPED : 1);
}

function needPrograms() {
  if (process.platform !== 'linux' || process.arch !== 'x64')
    throw new Missing(`the wheel is for linux x64, this is ${process.platform} ${process.arch}`);
  const wanted = {
    'python3 -m pip': ['python3', '-m', 'pip', '--version'],
    make: ['make', '-v'],
    'g++': ['g++', '-v'],
  };
  for (const [name, [program, ...args]] of Object.entries(wanted)) {
    if (spawnSync(program, args).status !== 0) throw new Missing(`there is no ${name}`);
  }
}

/** The package in .tools/tfjs-node, with this repository's tfjs-core: an application has one. */
function installHere() {
  const home = join(root, '.tools', 'tfjs-node');
  const folder = join(home, 'node_modules', PACKAGE);
  if (!existsSync(join(folder, 'package.json'))) {
    mkdirSync(home, { recursive: true });
    writeFileSync(join(home, 'package.json'), '{ "private": true }\n');
    const words = ['install', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error'];
    run('npm', [...words, `${PACKAGE}@${PACKAGE_VERSION}`], { cwd: home, missing: 'the npm registry is not reached' });
  }
  const core = join(home, 'node_modules', '@tensorflow', 'tfjs-core');
  rmSync(core, { recursive: true, force: true });
  symlinkSync(join(root, 'node_modules', '@tensorflow', 'tfjs-core'), core);
  return folder;
}

/** `deps/lib` and `deps/include` as the package's archive of libtensorflow would lay them. */
function layTensorflow(folder) {
  const lib = join(folder, 'deps', 'lib');
  if (existsSync(join(lib, `libtensorflow.so.${EXPECTED}`))) return;
  const scratch = mkdtempSync(join(tmpdir(), 'lipsync-tensorflow-'));
  try {
    const wheel = values.wheel ?? download(scratch);
    unpack(wheel, scratch);
    rmSync(join(folder, 'deps'), { recursive: true, force: true });
    cpSync(join(scratch, 'tensorflow', 'include'), join(folder, 'deps', 'include'), { recursive: true });
    mkdirSync(lib);
    for (const [name, file] of Object.entries(LIBRARIES)) {
      cpSync(join(scratch, 'tensorflow', file), join(lib, file));
      symlinkSync(file, join(lib, `${name}.so`)); // for the linker
      symlinkSync(file, join(lib, `${name}.so.${EXPECTED}`)); // for the install script
    }
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

function download(scratch) {
  const words = ['download', `tensorflow-cpu==${values.tensorflow}`, '--no-deps', '--dest', scratch, '--quiet'];
  const kind = ['--only-binary', ':all:', '--python-version', '3.11', '--platform', 'manylinux2014_x86_64'];
  run('python3', ['-m', 'pip', '--disable-pip-version-check', ...words, ...kind], {
    missing: 'PyPI has no such wheel',
  });
  return join(
    scratch,
    readdirSync(scratch).find((name) => name.endsWith('.whl')),
  );
}

function unpack(wheel, scratch) {
  const names = [
    ...Object.values(LIBRARIES).map((file) => `tensorflow/${file}`),
    ...HEADERS.map((header) => `tensorflow/include/${header}`),
  ];
  const script = [
    'import sys, zipfile',
    'wheel, folder, *names = sys.argv[1:]',
    'with zipfile.ZipFile(wheel) as archive:',
    '    archive.extractall(folder, [n for n in archive.namelist() if n.startswith(tuple(names))])',
  ].join('\n');
  run('python3', ['-c', script, wheel, scratch, ...names]);
}

/** By the install script of the package: with `deps` in place and a library of one's own named, it compiles and downloads nothing. */
function compileAddon(folder) {
  writeFileSync(join(folder, 'scripts', 'custom-binary.json'), '{ "tf-lib": "the one in deps/lib" }\n');
  const prefix = dirname(dirname(process.execPath));
  const headers = existsSync(join(prefix, 'include/node/common.gypi')) ? { npm_config_nodedir: prefix } : {};
  run('npm', ['run', 'install', '--loglevel=error'], { cwd: folder, env: { ...process.env, ...headers } });
}

/** The version of TensorFlow, as the started package prints it. */
function started(folder) {
  const script = `const tf = require(${JSON.stringify(folder)}); tf.add(1, 2).data().then(([sum]) => { if (sum !== 3 || !tf.version['tfjs-node']) throw new Error('1 + 2 must be 3 on tfjs-node, got ' + sum); console.log(tf.backend().binding.TF_Version); })`;
  const { status, stdout, stderr } = spawnSync(process.execPath, ['-e', script], { encoding: 'utf8' });
  if (status !== 0) throw new Error(`the package does not start: ${stderr.trim().split('\n').slice(-3).join(' ')}`);
  return stdout.trim().split('\n').at(-1);
}

function run(program, args, { missing, ...options } = {}) {
  const { status, stdout, stderr } = spawnSync(program, args, { encoding: 'utf8', ...options });
  if (status === 0) return;
  const said = `${stdout}${stderr}`.trim().split('\n').slice(-12).join('\n');
  if (missing) throw new Missing(`${missing}: ${said}`);
  throw new Error(`${program} ${args.slice(0, 4).join(' ')} ended with ${status}: ${said}`);
}
