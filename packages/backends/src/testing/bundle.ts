import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';

/**
 * Bundles TypeScript code, whose imports are relative to `src/`, to `outfile`: an ES module that Node runs from inside
 * the package.
 */
export async function bundle(code: string, outfile: string): Promise<void> {
  // esbuild is a dependency of tsup, not of ours.
  const { build } = createRequire(createRequire(import.meta.url).resolve('tsup'))('esbuild') as {
    build(options: object): Promise<unknown>;
  };
  const path = (relative: string) => fileURLToPath(new URL(relative, import.meta.url));
  await build({
    stdin: { contents: code, resolveDir: path('..'), loader: 'ts' },
    outfile,
    bundle: true,
    format: 'esm',
    platform: 'node',
    external: ['@tensorflow/tfjs-core', '@tensorflow/tfjs-backend-*'],
    alias: {
      '@lipsync/contracts': path('../../../contracts/src/index.ts'),
      '@lipsync/checkpoints': path('../../../checkpoints/src/index.ts'),
      '@lipsync/nn': path('../../../nn/src/index.ts'),
    },
    logLevel: 'error',
  });
}
