import { copyFileSync, mkdirSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { defineConfig } from 'tsup';
import base from '../../tsup.base';

/** Beside the index: the files of tfjs-backend-wasm (Apache-2.0), byte for byte, where bundlers find them. */
export default defineConfig({
  ...base,
  async onSuccess() {
    const root = dirname(createRequire(import.meta.url).resolve('@tensorflow/tfjs-backend-wasm/package.json'));
    mkdirSync('dist/wasm', { recursive: true });
    for (const kind of ['', '-simd', '-threaded-simd']) {
      const file = `tfjs-backend-wasm${kind}.wasm`;
      copyFileSync(join(root, 'wasm-out', file), join('dist/wasm', file));
    }
  },
});
