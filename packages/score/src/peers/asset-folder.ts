/** Where the files of the networks are, if not where the page's bundler puts them. */
export type AssetOptions = {
  /**
   * In browsers: the address of one folder with the files that the networks need: those of `data` of
   * `@lipsync/pretrained`, of `dist/models` of `@lipsync/mediapipe-weights` and `@lipsync/face-crop`, and of `dist/wasm`
   * of `@lipsync/backends`. For bundlers that copy no files, such as esbuild and Rollup, and for other servers. Default:
   * where Vite and webpack put them.
   */
  assetsUrl?: string | URL;
};

/**
 * The folder as a URL that ends in a slash, relative to the page.
 *
 * @example
 * assetFolder('/lipsync')?.href; // https://example.org/lipsync/
 */
export function assetFolder(assetsUrl: string | URL | undefined): URL | undefined {
  if (assetsUrl === undefined) return undefined;
  const page = globalThis.document?.baseURI ?? globalThis.location?.href;
  return new URL(String(assetsUrl).replace(/\/?$/, '/'), page);
}
