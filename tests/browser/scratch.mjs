/** Packages that the checks need and the repository does not install: large or bound to a platform. They go into a folder outside the lockfile. */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** Below the repository's node_modules, so that what is installed there finds the repository's tfjs-core. */
export const scratch = fileURLToPath(new URL('../../node_modules/.cache/lipsync-checks', import.meta.url));

export const VERSIONS = {
  webgpu: '0.6.2',
  '@tensorflow/tfjs-backend-webgpu': '4.22.0',
  '@tensorflow/tfjs-backend-webgl': '4.22.0',
  'playwright-core': '1.65.1',
  webpack: '5.113.0',
  '@rollup/plugin-node-resolve': '16.0.3',
  '@rollup/plugin-commonjs': '29.0.3',
};

/** Installs what is missing. @throws Error that says why it could not. */
export function installInScratch(names) {
  const missing = names.filter((name) => !existsSync(join(scratch, 'node_modules', name, 'package.json')));
  if (missing.length === 0) return;
  mkdirSync(scratch, { recursive: true });
  // npm notes here what it installs, and would remove what is not noted.
  if (!existsSync(join(scratch, 'package.json'))) writeFileSync(join(scratch, 'package.json'), '{ "private": true }\n');
  const flags = [
    '--no-audit',
    '--no-fund',
    '--no-package-lock',
    '--legacy-peer-deps',
    '--ignore-scripts',
    '--loglevel=error',
  ];
  const wanted = missing.map((name) => `${name}@${VERSIONS[name]}`);
  const { status, stderr } = spawnSync('npm', ['install', ...flags, ...wanted], {
    cwd: scratch,
    encoding: 'utf8',
    timeout: 240_000,
    shell: process.platform === 'win32',
  });
  if (status !== 0)
    throw new Error(
      `npm install ${wanted.join(' ')} failed: ${(stderr ?? '').trim().split('\n')[0] || 'no answer in time'}`,
    );
}

/** Where Debian's chromium package and its kin keep the software Vulkan driver SwiftShader. */
const DRIVERS = [
  '/usr/lib/chromium',
  '/usr/lib/chromium-browser',
  '/opt/google/chrome',
  '/snap/chromium/current/usr/lib/chromium-browser',
];

/** The environment under which Vulkan, and with it WebGPU in Node, runs on SwiftShader; undefined where there is none. */
export function swiftShaderEnvironment() {
  const folder = DRIVERS.find((path) => existsSync(join(path, 'vk_swiftshader_icd.json')));
  if (!folder) return undefined;
  return {
    ...process.env,
    VK_ICD_FILENAMES: join(folder, 'vk_swiftshader_icd.json'),
    XDG_RUNTIME_DIR: process.env.XDG_RUNTIME_DIR ?? scratch,
    // The package has a Vulkan loader too, for machines without libvulkan1.
    LD_LIBRARY_PATH: [process.env.LD_LIBRARY_PATH, folder].filter(Boolean).join(':'),
  };
}
