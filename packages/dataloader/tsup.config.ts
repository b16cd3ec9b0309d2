import { defineConfig } from 'tsup';
import base from '../../tsup.base';

/** The loader's threads and the processes of a preparation run programs of their own. */
export default defineConfig([
  { ...base, clean: ['!{loader-worker,prepare-program}.js*'] },
  {
    entry: { 'loader-worker': 'src/loaders/loader-worker.ts', 'prepare-program': 'src/prepare/prepare-program.ts' },
    format: ['esm'],
    sourcemap: true,
    target: 'es2022',
  },
]);
