import { defineConfig } from 'tsup';
import base from '../../tsup.base';

/** The processes of a batch run a program of their own. */
export default defineConfig([
  { ...base, clean: ['!score-program.js*'], entry: ['src/index.ts', 'src/lipsync.ts'] },
  {
    entry: { 'score-program': 'src/score/batch/score-program.ts' },
    format: ['esm'],
    sourcemap: true,
    target: 'es2022',
  },
]);
