import { defineConfig } from 'tsup';

/** The build of every package: ESM and CommonJS with types, one entry. */
export default defineConfig({
  entry: ['src/index.ts'],
  format: ['esm', 'cjs'],
  dts: true,
  sourcemap: true,
  clean: true,
  target: 'es2022',
  shims: true,
  removeNodeProtocol: false, // bundlers tell Node's own modules by it
});
