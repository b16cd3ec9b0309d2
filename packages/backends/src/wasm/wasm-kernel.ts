import type { KernelFunc, NamedAttrMap, TensorInfo } from '@tensorflow/tfjs-core';
import * as tf from '@tensorflow/tfjs-core';
import { guardKernel } from './guard-memory';
import type { WasmBackend } from './heap';

/** The arguments of a kernel. */
export type KernelArguments<Inputs extends string, Attributes> = {
  inputs: Record<Inputs, TensorInfo>;
  backend: WasmBackend;
  attrs: Attributes;
};

/** A stock kernel of tfjs-backend-wasm as a plain function. */
export type StockKernel = (backend: WasmBackend, inputs: Record<string, TensorInfo>, attributes: object) => TensorInfo;

/** One of our kernels: the name and the function under which tfjs registers it. */
export type WasmKernel = { name: string; run: (args: never) => TensorInfo | TensorInfo[] };

const stock = new Map<string, KernelFunc>();

/** Names of our kernels. */
const replaced = new Set<string>();

/** The kernel of tfjs-backend-wasm, also after ours has replaced it. */
export function stockKernel(name: string): StockKernel {
  return (backend, inputs, attributes) => {
    const kernel = stock.get(name) ?? tf.getKernel(name, 'wasm')?.kernelFunc;
    if (!kernel) throw new Error(`stockKernel: name must be a kernel of tfjs-backend-wasm 4.22.0, got ${name}`);
    return kernel({ inputs, backend: backend as never, attrs: attributes as NamedAttrMap }) as TensorInfo;
  };
}

/** Registers a kernel for 'wasm'. It replaces the stock kernel if there is one, whose set-up still runs. */
export function registerWasmKernel({ name, run }: WasmKernel): void {
  const old = tf.getKernel(name, 'wasm');
  replaced.add(name);
  if (old) {
    stock.set(name, guardKernel(name, old.kernelFunc, { packs: true }));
    tf.unregisterKernel(name, 'wasm');
  }
  tf.registerKernel({
    kernelName: name,
    backendName: 'wasm',
    kernelFunc: guardKernel(name, run as unknown as KernelFunc, { packs: false }),
    setupFunc: old?.setupFunc,
    disposeFunc: old?.disposeFunc,
  });
}

/** Guards the stock kernels that ours have not replaced, see `guardKernel`. */
export function guardStockKernels(): void {
  for (const kernel of tf.getKernelsForBackend('wasm')) {
    const { kernelName } = kernel;
    if (replaced.has(kernelName)) continue;
    tf.unregisterKernel(kernelName, 'wasm');
    tf.registerKernel({ ...kernel, kernelFunc: guardKernel(kernelName, kernel.kernelFunc, { packs: true }) });
  }
}
