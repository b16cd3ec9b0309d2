import { copyFileSync } from 'node:fs';
import { defineConfig } from 'tsup';
import base from '../../tsup.base';

/** The model card is passed on with the weights. */
export default defineConfig({
  ...base,
  onSuccess: async () => copyFileSync('../../docs/model-card.md', 'dist/model-card.md'),
});
