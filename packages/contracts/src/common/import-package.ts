import { nodeModule } from './node-module';

/**
 * Imports an optional package, resolved from this package or, in Node, from the application's working folder. The name
 * is not a literal, so that bundlers do not require the package.
 *
 * @throws the import's error where the package is not installed.
 * @example
 * const ort = await importPackage('onnxruntime-node');
 */
export async function importPackage(name: string): Promise<unknown> {
  try {
    return await import(/* webpackIgnore: true */ /* @vite-ignore */ name);
  } catch (error) {
    if (typeof process === 'undefined' || (error as { code?: string }).code !== 'ERR_MODULE_NOT_FOUND') throw error;
    const { createRequire } = await nodeModule<typeof import('node:module')>('node:module');
    return createRequire(`${process.cwd()}/package.json`)(name);
  }
}
