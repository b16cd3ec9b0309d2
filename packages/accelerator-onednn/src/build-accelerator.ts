import { spawn } from 'node:child_process';
import { mkdir, rename, rm } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname } from 'node:path';
import { moduleFile, sourceFiles } from './module-file';

export type BuildAcceleratorOptions = {
  /** The C++ compiler; GCC 9 or later, or clang with OpenMP. Default: the variable CXX, or `c++`. */
  compiler?: string;
  /** Further arguments, such as `-I` and `-L` of a oneDNN outside the system's folders, or `-fsanitize=address`. Default none. */
  flags?: readonly string[];
  /** Gets lines for people. Default: nobody. */
  log?: (line: string) => void;
};

/** What is missing, and how to get it. */
const NEEDS =
  'needs a C++ compiler with OpenMP and oneDNN with its headers: apt-get install g++ libdnnl-dev (Debian, Ubuntu), dnf install gcc-c++ onednn-devel (Fedora)';

/**
 * Compiles the native module for this machine and puts it where `openAccelerator` finds it. Takes about ten seconds on one processor;
 * nothing is downloaded.
 *
 * Written to a temporary name and renamed, so that two builds at once, or a stop, leave no half module.
 *
 * @returns its path.
 * @throws Error that says what is missing, with the compiler's first lines.
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
        `buildAccelerator: ${NEEDS}; ${compiler} said: ${lines.join(' | ') || output.slice(0, 300) || `status ${status}`}`,
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
