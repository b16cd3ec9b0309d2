export type { BuildAcceleratorOptions } from './build-accelerator';
export { buildAccelerator } from './build-accelerator';
export type { NativeKernels } from './native-kernels';
export type { OpenAcceleratorOptions, OpenedAccelerator } from './open-accelerator';
export { openAccelerator } from './open-accelerator';
