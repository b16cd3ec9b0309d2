import { spawn } from 'node:child_process';
import { mkdir, rename, rm } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname } from 'node:path';
import { moduleFile, sourceFiles } from './module-file';

export type BuildAcceleratorOptions = {
  /** C++ compiler: GCC 9 or later, or clang with OpenMP. Default: the environment variable CXX, or `c++`. */
  compiler?: string;
  /**
   * Further arguments, such as `-I` and `-L` of a oneDNN outside the system's folders, or `-fsanitize=address`. Default
   * none.
   */
  flags?: readonly string[];
  /** Receives the command line of the compiler. Default: nothing is logged. */
  log?: (line: string) => void;
};

/** The requirements, and how to install them. */
const NEEDS =
  'needs a C++ compiler with OpenMP and oneDNN with its headers: apt-get install g++ libdnnl-dev (Debian, Ubuntu), dnf install gcc-c++ onednn-devel (Fedora)';

/**
 * Compiles the native module for this machine, where `openAccelerator` finds it. Takes about ten seconds on one
 * processor; nothing is downloaded.
 *
 * The module is written to a temporary name and renamed, so that concurrent or interrupted builds leave no partial
 * module.
 *
 * @returns the path of the module.
 * @throws Error that names the requirements, with the first error lines of the compiler.
 * @example
 * await buildAccelerator({ log: console.error });
 */
export async function buildAccelerator({
  compiler = process.env.CXX || 'c++',
  flags = [],
  log = () => {},
}: BuildAcceleratorOptions = {}): Promise<string> {
  if (process.platform === 'win32')
    throw new Error(`buildAccelerator: the platform must be Linux or macOS, got ${process.platform}; WSL works`);
  const file = moduleFile();
  const { units } = sourceFiles();
  const headers = (createRequire(import.meta.url)('node-api-headers') as { include_dir: string }).include_dir;
  await mkdir(dirname(file), { recursive: true });
  const temporary = `${file}.${process.pid}.tmp`;
  const args = [
    '-std=c++17',
    '-O3',
    '-fPIC',
    '-fopenmp',
    '-fvisibility=hidden',
    '-fno-math-errno',
    '-fno-trapping-math',
    '-ffp-contract=fast',
    '-DNAPI_VERSION=8',
    ...(process.platform === 'darwin' ? ['-bundle', '-undefined', 'dynamic_lookup'] : ['-shared']),
    `-I${headers}`,
    ...flags,
    ...units,
    '-o',
    temporary,
    '-ldnnl',
  ];
  log(`${compiler} ${args.join(' ')}`);
  try {
    const { status, output } = await run(compiler, args);
    if (status !== 0) {
      const lines = output
        .split('\n')
        .filter((line) => /error|cannot|not found|undefined/i.test(line))
        .slice(0, 3);
      throw new Error(
        `buildAccelerator: ${NEEDS}; ${compiler} reported: ${lines.join(' | ') || output.slice(0, 300) || `status ${status}`}`,
      );
    }
    await rename(temporary, file);
  } finally {
    await rm(temporary, { force: true });
  }
  return file;
}

function run(program: string, args: string[]): Promise<{ status: number; output: string }> {
  return new Promise((resolve) => {
    const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'] });
    let output = '';
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (part: Buffer) => (output += part.toString()));
    child.on('error', (error) => resolve({ status: -1, output: `${program}: ${error.message}` }));
    child.on('close', (status) => resolve({ status: status ?? -1, output }));
  });
}
