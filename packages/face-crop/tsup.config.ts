import { copyFileSync, mkdirSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { defineConfig } from 'tsup';
import base from '../../tsup.base';

/**
 * What runs no network has an entry of its own, so that bundles of it do not hold TensorFlow.js. Beside the index: the
 * networks of face-api, byte for byte, so that nobody installs their package of 24 MB.
 */
export default defineConfig({
  ...base,
  entry: ['src/index.ts', 'src/arrays.ts'],
  async onSuccess() {
    const root = dirname(createRequire(import.meta.url).resolve('@vladmandic/face-api/package.json'));
    mkdirSync('dist/models', { recursive: true });
    for (const name of NETWORKS) {
      for (const file of [`${name}.bin`, `${name}-weights_manifest.json`])
        copyFileSync(join(root, 'model', file), join('dist/models', file));
    }
    copyFileSync(join(root, 'LICENSE'), 'dist/models/terms-face-api.txt');
    writeFileSync('dist/models/NOTICE', NOTICE);
  },
});

const NETWORKS = ['tiny_face_detector_model', 'face_landmark_68_model', 'face_recognition_model'];

const NOTICE = `tiny_face_detector_model, face_landmark_68_model and face_recognition_model are taken unchanged from
the npm package @vladmandic/face-api 1.7.15 (MIT, terms-face-api.txt), https://github.com/vladmandic/face-api. The last
is a conversion of dlib's dlib_face_recognition_resnet_model_v1 by Davis King (CC0).
`;
