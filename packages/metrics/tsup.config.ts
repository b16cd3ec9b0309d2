import { defineConfig } from 'tsup';
import base from '../../tsup.base';

/** What runs no network has an entry of its own, so that bundles of it do not hold TensorFlow.js. */
export default defineConfig({ ...base, entry: ['src/index.ts', 'src/arrays.ts'] });
