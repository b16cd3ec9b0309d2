import { createHash } from 'node:crypto';
import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { defineConfig } from 'tsup';
import base from '../../tsup.base';
import { MEDIAPIPE_WEIGHTS } from './src/index';

/** Beside the index: the models of the npm package, byte for byte, and the licences under which they are passed on. */
export default defineConfig({
  ...base,
  async onSuccess() {
    const root = dirname(dirname(createRequire(import.meta.url).resolve('@vladmandic/human')));
    mkdirSync('dist/models', { recursive: true });
    for (const { graph, weights, sha256 } of Object.values(MEDIAPIPE_WEIGHTS)) {
      [graph, weights].forEach((file, i) => {
        const path = join(root, 'models', file);
        const sum = createHash('sha256').update(readFileSync(path)).digest('hex');
        if (sum !== sha256[i]) throw new Error(`mediapipe-weights: ${file} must have the sum ${sha256[i]}, got ${sum}`);
        copyFileSync(path, join('dist/models', file));
      });
    }
    copyFileSync(join(root, 'LICENSE'), 'dist/models/terms-human.txt');
    copyFileSync('../../LICENSE', 'dist/models/terms-mediapipe.txt');
    writeFileSync('dist/models/NOTICE', NOTICE);
  },
});

const NOTICE = `blazeface and facemesh are models of MediaPipe, Copyright The MediaPipe Authors, licensed under the Apache License 2.0
(terms-mediapipe.txt), https://github.com/google-ai-edge/mediapipe. They were converted for TensorFlow.js by Vladimir Mandic and are
taken unchanged from the npm package @vladmandic/human 3.3.6 (MIT, terms-human.txt).
`;
