import type { TensorInfo } from '@tensorflow/tfjs-core';
import type { ShaderProgram, WebgpuBackend } from '../webgpu/webgpu-program';

/** A program that was run: what the backend was given. */
export type Call = { program: ShaderProgram; inputs: TensorInfo[]; uniforms: Record<string, number>; wgsl: string };

/**
 * Stands where a device would: notes each program, computes nothing. Whether shaders are right,
 * `scripts/check-webgpu.mjs` tells.
 */
export function recordingBackend(): WebgpuBackend & { calls: Call[]; alive: Set<object> } {
  const calls: Call[] = [];
  const alive = new Set<object>();
  return {
    calls,
    alive,
    runWebGPUProgram(program, inputs, dtype, values) {
      const names = [...program.uniforms.matchAll(/(\w+): \w+/g)].map(([, name]) => name);
      calls.push({
        program,
        inputs,
        uniforms: Object.fromEntries(names.map((name, i) => [name, values[i].data[0]])),
        wgsl: program.getUserCode(),
      });
      const dataId = {};
      alive.add(dataId);
      return { dataId, shape: program.outputShape, dtype };
    },
    disposeData: (dataId) => alive.delete(dataId),
  };
}

export const info = (...shape: number[]): TensorInfo => ({ dataId: {}, shape, dtype: 'float32' });
