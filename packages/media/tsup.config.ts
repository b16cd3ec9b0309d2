import { defineConfig } from 'tsup';
import base from '../../tsup.base';

/** The entry of Node, and that of browsers, which bundlers take by the condition `browser`. */
export default defineConfig({ ...base, entry: ['src/index.ts', 'src/browser.ts'] });
