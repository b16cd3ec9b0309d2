import { defineConfig } from 'tsup';
import base from '../../tsup.base';

/** Replicas run a program of their own. */
export default defineConfig([
  { ...base, clean: ['!replica-worker.js*'] },
  { entry: { 'replica-worker': 'src/replicas/replica-worker.ts' }, format: ['esm'], sourcemap: true, target: 'es2022' },
]);
