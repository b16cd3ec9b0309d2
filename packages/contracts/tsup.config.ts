import { defineConfig } from 'tsup';
import base from '../../tsup.base';

/** What speaks of tensors has an entry of its own, so that the rest needs no TensorFlow.js. */
export default defineConfig({ ...base, entry: ['src/index.ts', 'src/tensors.ts'] });
