import { statfs } from 'node:fs/promises';
import { availableParallelism, tmpdir, totalmem } from 'node:os';
import { fileURLToPath } from 'node:url';
import { openAccelerator } from '@lipsync/accelerator-onednn';
import { selectBackend } from '@lipsync/backends';
import { hashFile } from '@lipsync/dataloader';
import { createLandmarkDetector } from '@lipsync/face-crop';
import { findFfmpeg } from '@lipsync/media';
import { describeOnnxRuntime, loadOnnxRuntime } from '@lipsync/onnx';
import { EXPERT_FILES, EXPERT_SHA256, PRETRAINED_VERSION } from '@lipsync/pretrained';

/** What was found of one thing that the command needs or could use. */
export type DoctorCheck = {
  name: string;
  /** `fault`: videos cannot be scored; `note`: they can, but slower or not in every case. */
  state: 'ok' | 'note' | 'fault';
  found: string;
  /** What to do about it. */
  advice?: string;
};

type Check = () => Promise<Omit<DoctorCheck, 'name'>> | Omit<DoctorCheck, 'name'>;

const OLDEST_NODE = 20;
const ROOM_BYTES = 2e9;

/** Everything that is looked at, in this order. Nothing is downloaded or installed. */
const CHECKS: Readonly<Record<string, Check>> = {
  Node: () => {
    const version = process.versions.node;
    return Number.parseInt(version, 10) >= OLDEST_NODE
      ? { state: 'ok', found: version }
      : { state: 'fault', found: version, advice: `install Node ${OLDEST_NODE} or newer` };
  },
  ffmpeg: async () => {
    const notes: string[] = [];
    const { path, source, version } = await findFfmpeg({ log: (line) => notes.push(line) });
    const found = `${version}, ${path} (${source})`;
    return notes.length > 0 ? { state: 'note', found, advice: notes.join('; ') } : { state: 'ok', found };
  },
  'packaged weights': async () => {
    const path = fileURLToPath(EXPERT_FILES.safetensors.url);
    const found = `@lipsync/pretrained ${PRETRAINED_VERSION}, ${path}`;
    if ((await hashFile(path)) === EXPERT_SHA256) return { state: 'ok', found };
    return { state: 'fault', found: `${found}: another SHA-256`, advice: 'install @lipsync/cli again' };
  },
  backend: async () => {
    const { name, threads } = await selectBackend();
    return { state: 'ok', found: `${name}, ${threads} ${threads === 1 ? 'thread' : 'threads'}` };
  },
  'face networks': async () => {
    (await createLandmarkDetector()).dispose();
    return { state: 'ok', found: 'loaded' };
  },
  processors: () => ({
    state: 'ok',
    found: `${availableParallelism()}, ${(totalmem() / 2 ** 30).toFixed(1)} GiB of memory`,
  }),
  accelerator: () => {
    const opened = openAccelerator();
    if (opened.kernels) return { state: 'ok', found: `oneDNN ${opened.version}, ${opened.threads} threads` };
    return {
      state: 'note',
      found: `none: ${opened.reason}`,
      advice: 'lipsync accelerate builds it: several times as fast on the CPU',
    };
  },
  GPU: async () => {
    const found: string[] = [];
    const broken: string[] = [];
    for (const name of ['@tensorflow/tfjs-node-gpu', 'webgpu']) {
      try {
        await import(name);
        found.push(name);
      } catch (error) {
        if (!isMissing(error)) broken.push(`${name} does not load: ${firstLine(error)}`);
      }
    }
    if (broken.length > 0) {
      const others = found.map((name) => `${name} installed`);
      return { state: 'note', found: [...others, ...broken].join('; '), advice: 'install it again, or remove it' };
    }
    if (found.length > 0)
      return { state: 'ok', found: `${found.join(', ')} installed; the line backend says what is used` };
    const advice =
      'with an NVIDIA card and CUDA 11.2: npm install @tensorflow/tfjs-node-gpu@4.22.0; with a Vulkan driver: npm install ' +
      '@tensorflow/tfjs-backend-webgpu@4.22.0 webgpu@0.6.2';
    return { state: 'note', found: 'no package that uses one is installed', advice };
  },
  onnxruntime: async () => {
    try {
      return { state: 'ok', found: describeOnnxRuntime(await loadOnnxRuntime()) };
    } catch (error) {
      const [, broken] = /onnxruntime-node: (?!Cannot find package)([^;]*)/.exec((error as Error).message) ?? [];
      if (broken)
        return { state: 'note', found: `it does not load: ${broken}`, advice: 'install onnxruntime-node again' };
      const advice =
        'ONNXRUNTIME_NODE_INSTALL=skip npm install onnxruntime-node@1.30.0: about twice as fast on the CPU';
      return { state: 'note', found: 'not installed', advice };
    }
  },
  'temporary files': async () => {
    const elsewhere = 'or name another folder in TMPDIR (Windows: TEMP): dub and damaged files need it';
    const disk = await statfs(tmpdir()).catch(() => undefined);
    if (!disk) return { state: 'note', found: `${tmpdir()} cannot be read`, advice: `make it, ${elsewhere}` };
    const free = disk.bavail * disk.bsize;
    const found = `${tmpdir()}, ${(free / 1e9).toFixed(1)} GB free`;
    if (free >= ROOM_BYTES) return { state: 'ok', found };
    return { state: 'note', found, advice: `free some, ${elsewhere}` };
  },
};

/** Whether an import failed as the package is not installed; any other error is of one that is. */
const isMissing = (error: unknown) => (error as NodeJS.ErrnoException).code === 'ERR_MODULE_NOT_FOUND';

const firstLine = (error: unknown) => (error as Error).message.split('\n')[0];

/** Runs all checks, one after the other; one that fails is a fault, with what it says as the advice. */
export async function runChecks(checks: Readonly<Record<string, Check>> = CHECKS): Promise<DoctorCheck[]> {
  const results: DoctorCheck[] = [];
  for (const [name, check] of Object.entries(checks)) {
    try {
      results.push({ name, ...(await check()) });
    } catch (error) {
      results.push({ name, state: 'fault', found: 'it does not work', advice: (error as Error).message });
    }
  }
  return results;
}
