import type { TensorInfo } from '@tensorflow/tfjs-core';
import type { WebgpuBackend } from './webgpu-program';

/** Most inputs of one program: every WebGPU device binds eight buffers to a shader, one of them the result. */
const MOST_INPUTS = 7;

/** tfjs passes a list to this kernel, not names. */
type AddNArguments = { inputs: TensorInfo[]; backend: WebgpuBackend; attrs: object };

/**
 * `AddN` for any number of tensors. The stock kernel binds all of them to one program, which a device refuses from the
 * eighth on; here it adds seven at a time.
 */
export function webgpuAddN(stock: (args: AddNArguments) => TensorInfo) {
  return ({ inputs, backend, attrs }: AddNArguments): TensorInfo => {
    const add = (terms: TensorInfo[]) => stock({ inputs: terms, backend, attrs });
    let sum = add(inputs.slice(0, MOST_INPUTS));
    for (let next = MOST_INPUTS; next < inputs.length; next += MOST_INPUTS - 1) {
      const last = sum;
      sum = add([last, ...inputs.slice(next, next + MOST_INPUTS - 1)]);
      backend.disposeData(last.dataId);
    }
    return sum;
  };
}
