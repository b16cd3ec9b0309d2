export { enableWasmTraining } from './enable-wasm-training';
export { registerGradients } from './register-gradients';
export { BACKEND_NAMES, selectBackend } from './select-backend';
export type { BackendName, SelectBackendOptions, SelectedBackend } from './select-backend';
