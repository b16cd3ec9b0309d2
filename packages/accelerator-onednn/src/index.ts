export { buildAccelerator } from './build-accelerator';
export type { BuildAcceleratorOptions } from './build-accelerator';
export type { NativeKernels } from './native-kernels';
export { openAccelerator } from './open-accelerator';
export type { OpenAcceleratorOptions, OpenedAccelerator } from './open-accelerator';
