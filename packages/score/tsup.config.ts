import { defineConfig } from 'tsup';
import base from '../../tsup.base';

/** The worker threads that embed run a program of their own. */
export default defineConfig([
  { ...base, clean: ['!expert-worker.js*'] },
  { entry: { 'expert-worker': 'src/embed/expert-worker.ts' }, format: ['esm'], sourcemap: true, target: 'es2022' },
]);
