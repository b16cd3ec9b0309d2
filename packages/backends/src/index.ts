export type { BackendName, SelectBackendOptions, SelectedBackend } from './select/select-backend';
export { BACKEND_NAMES, selectBackend } from './select/select-backend';
export { enableWasmTraining } from './wasm/enable-wasm-training';
export { enableWebgpuTraining } from './webgpu/webgpu-training';
