export { enableWasmTraining } from './enable-wasm-training';
export { BACKEND_NAMES, selectBackend } from './select-backend';
export type { BackendName, SelectBackendOptions, SelectedBackend } from './select-backend';
export { enableWebgpuTraining } from './webgpu-training';
