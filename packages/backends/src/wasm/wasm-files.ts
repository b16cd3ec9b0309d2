/**
 * Where the build puts the files of tfjs-backend-wasm, for bundlers, which find them by these expressions; so each stands
 * as it is.
 */
export const WASM_FILES: Readonly<Record<string, URL>> = {
  'tfjs-backend-wasm.wasm': new URL('./wasm/tfjs-backend-wasm.wasm', import.meta.url),
  'tfjs-backend-wasm-simd.wasm': new URL('./wasm/tfjs-backend-wasm-simd.wasm', import.meta.url),
  'tfjs-backend-wasm-threaded-simd.wasm': new URL('./wasm/tfjs-backend-wasm-threaded-simd.wasm', import.meta.url),
};
