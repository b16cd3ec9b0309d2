import { defineConfig } from 'tsup';
import base from '../../tsup.base';

/** Types that mention tensors have an entry of their own, so that the main entry does not need TensorFlow.js. */
export default defineConfig({ ...base, entry: ['src/index.ts', 'src/tensors.ts'] });
