import { readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';
import { BaseSequencer } from 'vitest/node';
import folders from './vitest.workspace.ts';

const root = fileURLToPath(new URL('.', import.meta.url));

/** Every test on TensorFlow itself, where its own backend is wasm or cpu: scripts/check-tfjs-node.mjs. */
const onTfjsNode = process.env.LIPSYNC_TEST_BACKEND === 'tfjs-node';
const tfjsNode = `${root}.tools/tfjs-node/node_modules/@tensorflow/tfjs-node/dist/index.js`;

/**
 * Packages whose test files share one process, one file after the other in the order of their names, so that TensorFlow.js and the sources are
 * loaded once: what a file changes of the process (backend, environment, spies) it puts back. In the others a file replaces modules, kernels or gradients, and
 * each has a process of its own.
 */
const SHARED_PROCESS = new Set([
  ...['audio-mel', 'checkpoints', 'cli', 'contracts', 'dataloader', 'face-crop', 'metrics', 'sync-windows'],
]);

/** The same order everywhere; vitest's own depends on how long files took before. */
class ByName extends BaseSequencer {
  override async sort(files: Parameters<BaseSequencer['sort']>[0]) {
    return [...files].sort((a, b) => (a.moduleId < b.moduleId ? -1 : 1));
  }
}

/** One project a package: tests beside the sources, workspace names resolved to sources so that no build is needed. */
const projects = folders.flatMap((pattern) => {
  const parent = pattern.replace('/*', '');
  return readdirSync(`${root}${parent}`, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map((entry) => ({
      resolve: {
        alias: [
          ...(onTfjsNode ? [{ find: '@tensorflow/tfjs-node', replacement: tfjsNode }] : []),
          { find: '@lipsync/embedded-data', replacement: `${root}examples/embedded-data/src/index.ts` },
          { find: /^@lipsync\/([a-z0-9-]+)\/([a-z-]+)$/, replacement: `${root}packages/$1/src/$2.ts` },
          { find: /^@lipsync\/([a-z0-9-]+)$/, replacement: `${root}packages/$1/src/index.ts` },
        ],
      },
      test: {
        name: parent === 'examples' ? `example-${entry.name}` : entry.name,
        root: `${root}${parent}/${entry.name}`,
        include: ['src/**/*.test.ts'],
        isolate: onTfjsNode || !SHARED_PROCESS.has(entry.name),
        testTimeout: 60_000,
        hookTimeout: 60_000,
        setupFiles: onTfjsNode ? [`${root}tests/support/on-tfjs-node.ts`] : [],
      },
    }));
});

export default defineConfig({
  test: {
    projects,
    passWithNoTests: true,
    maxWorkers: 2,
    sequence: { sequencer: ByName },
    // TensorFlow.js greets every test file; what a failing test prints is shown.
    silent: 'passed-only',
  },
});
