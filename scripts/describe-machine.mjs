/** What the checks find on a machine and act upon, as one line: a check that passed here is not taken for passed elsewhere. */
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, statSync } from 'node:fs';
import { cpus } from 'node:os';
import { join } from 'node:path';

const PYTHON_MODULES = ['PIL', 'cv2', 'numpy', 'onnx', 'scipy', 'skimage', 'torch', 'torchaudio', 'torchvision'];
const PROGRAMS = ['ffmpeg', 'ffprobe', 'g++', 'valgrind'];
const FILES = [
  '/usr/bin/chromium',
  '/usr/bin/chromium-browser',
  '/usr/bin/google-chrome',
  '/usr/lib/chromium/vk_swiftshader_icd.json',
  '/usr/include/oneapi/dnnl/dnnl.hpp',
  '/usr/include/dnnl.hpp',
  '.tools/tfjs-node/node_modules/@tensorflow/tfjs-node/lib',
];

export function describeMachine() {
  const parts = [process.version, process.platform, process.arch, cpus()[0]?.model ?? ''];
  const python = existsSync('/usr/bin/python3') ? '/usr/bin/python3' : 'python3';
  const script = `import importlib.util as u\nprint([m for m in ${JSON.stringify(PYTHON_MODULES)} if u.find_spec(m)])`;
  parts.push(spawnSync(python, ['-c', script], { encoding: 'utf8' }).stdout?.trim() ?? 'no python');
  for (const program of PROGRAMS) {
    const { stdout } = spawnSync(program, [/^ff/.test(program) ? '-version' : '--version'], { encoding: 'utf8' });
    parts.push(stdout?.split('\n')[0] ?? `no ${program}`);
  }
  parts.push(...FILES.filter(existsSync));
  // Recordings and weights beside the repository, which some tests use where they are.
  const shared = process.env.LIPSYNC_SHARED ?? '../shared';
  for (const folder of ['data', 'weights'].map((name) => join(shared, name)).filter(existsSync))
    parts.push(
      folder,
      ...readdirSync(folder, { recursive: true }).map((name) => `${name} ${statSync(join(folder, name)).size}`),
    );
  return parts.join('|');
}
