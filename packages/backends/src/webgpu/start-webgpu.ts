import * as tf from '@tensorflow/tfjs-core';
import { optionalPackage } from '../select/optional-package';
import { isNode } from '../wasm/start-wasm';
import { enableWebgpuTraining } from './webgpu-training';

/** The parts of the standard's GPUAdapter that are used here. */
export type GpuAdapter = {
  isFallbackAdapter?: boolean;
  info?: { vendor?: string; architecture?: string; device?: string; description?: string; isFallbackAdapter?: boolean };
};

type Gpu = { requestAdapter(options?: object): Promise<GpuAdapter | null> };

/** Whether an adapter is a software renderer: SwiftShader, Mesa's llvmpipe or lavapipe, Microsoft's basic renderer. */
export function isSoftwareAdapter({ isFallbackAdapter, info }: GpuAdapter): boolean {
  const words = [info?.vendor, info?.architecture, info?.device, info?.description].join(' ');
  return (
    !!isFallbackAdapter ||
    !!info?.isFallbackAdapter ||
    /swiftshader|llvmpipe|lavapipe|software|basic render/i.test(words)
  );
}

/**
 * Starts tfjs-backend-webgpu, in Node on Dawn (the package `webgpu`).
 *
 * @returns the name of the graphics processor.
 */
export async function startWebgpu({ allowSoftware }: { allowSoftware: boolean }): Promise<string> {
  const undo = await provideGpu();
  try {
    const gpu = (globalThis.navigator as unknown as { gpu?: Gpu } | undefined)?.gpu;
    if (!gpu) throw new Error('this browser has no WebGPU (navigator.gpu)');
    const adapter = await gpu.requestAdapter({ powerPreference: 'high-performance' });
    if (!adapter) {
      throw new Error(
        'WebGPU finds no graphics processor (in Node: install the Vulkan loader, libvulkan1 on Debian, and the vendor’s driver)',
      );
    }
    const name = adapter.info?.description || adapter.info?.architecture || adapter.info?.vendor || 'an unnamed GPU';
    if (isSoftwareAdapter(adapter) && !allowSoftware) {
      throw new Error(
        `the only WebGPU adapter is software (${name}), far slower than wasm; to use it: { backend: 'webgpu', allowSoftwareGpu: true }`,
      );
    }
    if (!tf.findBackendFactory('webgpu')) await optionalPackage('@tensorflow/tfjs-backend-webgpu');
    enableWebgpuTraining();
    if (!(await tf.setBackend('webgpu'))) throw new Error('tfjs-backend-webgpu did not start');
    await tf.ready();
    return name;
  } catch (error) {
    undo();
    throw error;
  }
}

/** Gives Node a `navigator.gpu`; returns a function that removes it. */
async function provideGpu(): Promise<() => void> {
  const before = globalThis.navigator as unknown as { gpu?: Gpu } | undefined;
  if (!isNode() || before?.gpu) return () => {};
  const { create, globals } = (await optionalPackage('webgpu')) as { create(options: string[]): Gpu; globals: object };
  Object.assign(globalThis, globals); // GPUBufferUsage and other constants that tfjs-backend-webgpu reads
  if (!before) Object.defineProperty(globalThis, 'navigator', { value: {}, configurable: true, writable: true });
  Object.defineProperty(globalThis.navigator, 'gpu', { value: create([]), configurable: true });
  return () => {
    if (before) Reflect.deleteProperty(before, 'gpu');
    else Reflect.deleteProperty(globalThis, 'navigator');
  };
}
