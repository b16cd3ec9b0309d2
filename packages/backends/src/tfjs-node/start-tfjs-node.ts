import { nodeModule } from '@lipsync/contracts';
import * as tf from '@tensorflow/tfjs-core';
import { optionalPackage } from '../select/optional-package';
import { isNode } from '../wasm/start-wasm';
import { padForTfjsNode } from './tfjs-node-padding';

/**
 * Starts `@tensorflow/tfjs-node` or, with `gpu`, `@tensorflow/tfjs-node-gpu`; throws where that finds no CUDA device.
 */
export async function startTfjsNode({ gpu }: { gpu: boolean }): Promise<void> {
  if (!isNode()) throw new Error('it runs in Node only');
  await restoreIsNullOrUndefined();
  await optionalPackage(gpu ? '@tensorflow/tfjs-node-gpu' : '@tensorflow/tfjs-node');
  padForTfjsNode();
  if (!(await tf.setBackend('tensorflow'))) throw new Error('its backend did not start');
  const backend = tf.backend() as unknown as { isUsingGpuDevice?: boolean };
  if (gpu && !backend.isUsingGpuDevice) {
    throw new Error('it found no CUDA device (it needs CUDA 11.2, cuDNN 8.1 and a GPU that these support)');
  }
}

/**
 * tfjs-node 4.22.0 calls `util.isNullOrUndefined`, which Node 23 removed (tensorflow/tfjs#8425: fixed, but not
 * published).
 */
async function restoreIsNullOrUndefined(): Promise<void> {
  const { default: util } = (await nodeModule<typeof import('node:util')>('node:util')) as unknown as {
    default: Record<string, unknown>;
  };
  util.isNullOrUndefined ??= (value: unknown) => value === null || value === undefined;
}
