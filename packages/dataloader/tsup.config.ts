import { defineConfig } from 'tsup';
import base from '../../tsup.base';

/** The loader's threads run a program of their own. */
export default defineConfig([
  { ...base, clean: false },
  { entry: ['src/loader-worker.ts'], format: ['esm'], sourcemap: true, target: 'es2022' },
]);
