/**
 * Imports one of Node's own modules by a name that bundlers for browsers do not follow. Call it in Node only.
 *
 * @example
 * const os = await nodeModule<typeof import('node:os')>('node:os');
 */
export function nodeModule<T>(name: `node:${string}`): Promise<T> {
  return import(/* webpackIgnore: true */ /* @vite-ignore */ name) as Promise<T>;
}
