import { fail } from '@lipsync/contracts';
import type { GroupNormAttributes } from '@lipsync/nn';
import type { TensorInfo } from '@tensorflow/tfjs-core';
import * as tf from '@tensorflow/tfjs-core';
import { address, allocate, floats, release } from '../heap';
import { native } from '../native';
import { simdKernels } from '../simd/simd';
import { runShares, simdThreads, split } from '../threads/simd-threads';
import type { KernelArguments } from '../wasm-kernel';

/** Sizes of a normalisation: `x` is `[batch, positions, channels]`, whatever its middle axes. */
export type GroupNormGeometry = { batch: number; positions: number; channels: number; groups: number };

/** Reads and checks the sizes; `where` is the kernel's name. */
export function groupNormGeometry(where: string, shape: number[], groups: number): GroupNormGeometry {
  const [batch] = shape;
  const channels = shape.at(-1)!;
  if (shape.length < 2) fail(TypeError, where, 'x', 'of shape [batch, ..., channels]', shape);
  if (!(Number.isInteger(groups) && groups > 0 && channels % groups === 0)) {
    fail(RangeError, where, 'groups', `a divisor of ${channels} channels`, groups);
  }
  return { batch, channels, groups, positions: tf.util.sizeFromShape(shape) / Math.max(1, batch * channels) };
}

/**
 * `LipsyncGroupNorm`: `z = (x - mean) / sqrt(variance + epsilon) · gamma + beta`, mean and (biased) variance over each
 * group of channels of one sample; `y = z` or `z · sigmoid(z)`.
 *
 * @returns `[y like x, statistics [batch, groups, 2]]`: mean and 1 / sqrt(variance + epsilon).
 */
export function groupNorm(args: KernelArguments<'x' | 'gamma' | 'beta', GroupNormAttributes>): TensorInfo[] {
  const { inputs, backend, attrs } = args;
  const { x } = inputs;
  const geometry = groupNormGeometry('LipsyncGroupNorm', x.shape, attrs.groups);
  const y = allocate(backend, x.shape);
  const statistics = allocate(backend, [geometry.batch, geometry.groups, 2]);
  const accelerated = native(backend);
  if (accelerated) {
    const { batch, positions, channels, groups } = geometry;
    const [from, gamma, beta, to, figures] = [x, inputs.gamma, inputs.beta, y, statistics].map((tensor) =>
      address(backend, tensor),
    );
    const silu = Number(attrs.activation === 'silu');
    accelerated.kernels.groupNorm(
      accelerated.heap,
      batch,
      positions,
      channels,
      groups,
      attrs.epsilon,
      silu,
      from,
      gamma,
      beta,
      to,
      figures,
    );
    return [y, statistics];
  }
  if (geometry.channels % 4 === 0 && simdKernels(backend)) {
    const { batch, positions, channels, groups } = geometry;
    const shares = split(batch, simdThreads(backend));
    const room = 6 * channels; // values of scratch memory for each thread
    const scratch = allocate(backend, [room * shares.length]);
    const [from, gamma, beta, to, figures, own] = [x, inputs.gamma, inputs.beta, y, statistics, scratch].map((tensor) =>
      address(backend, tensor),
    );
    const silu = Number(attrs.activation === 'silu');
    runShares(
      backend,
      'groupNorm',
      shares.map(([first, last], i) => [
        from,
        gamma,
        beta,
        to,
        figures,
        own + 4 * room * i,
        first,
        last,
        positions,
        channels,
        groups,
        attrs.epsilon,
        silu,
      ]),
    );
    release(backend, scratch);
    return [y, statistics];
  }
  normalise(
    floats(backend, x),
    floats(backend, inputs.gamma),
    floats(backend, inputs.beta),
    floats(backend, y),
    floats(backend, statistics),
    geometry,
    attrs,
  );
  return [y, statistics];
}

/** The same in JavaScript: for channels that are not a multiple of 4, and without SIMD. */
function normalise(
  x: Float32Array,
  gamma: Float32Array,
  beta: Float32Array,
  y: Float32Array,
  statistics: Float32Array,
  { batch, positions, channels, groups }: GroupNormGeometry,
  { epsilon, activation }: GroupNormAttributes,
): void {
  const width = channels / groups;
  const count = positions * width;
  const sums = new Float64Array(channels);
  const squares = new Float64Array(channels);
  const scale = new Float32Array(channels);
  const shift = new Float32Array(channels);
  for (let n = 0; n < batch; n++) {
    const start = n * positions * channels;
    sums.fill(0);
    squares.fill(0);
    for (let p = 0, i = start; p < positions; p++) {
      for (let c = 0; c < channels; c++, i++) {
        const value = x[i];
        sums[c] += value;
        squares[c] += value * value;
      }
    }
    for (let g = 0; g < groups; g++) {
      let sum = 0;
      let square = 0;
      for (let c = g * width; c < (g + 1) * width; c++) {
        sum += sums[c];
        square += squares[c];
      }
      const mean = sum / count;
      const inverse = 1 / Math.sqrt(Math.max(0, square / count - mean * mean) + epsilon);
      statistics[2 * (n * groups + g)] = mean;
      statistics[2 * (n * groups + g) + 1] = inverse;
      for (let c = g * width; c < (g + 1) * width; c++) {
        scale[c] = gamma[c] * inverse;
        shift[c] = beta[c] - mean * inverse * gamma[c];
      }
    }
    if (activation === 'silu') {
      for (let p = 0, i = start; p < positions; p++) {
        for (let c = 0; c < channels; c++, i++) {
          const z = x[i] * scale[c] + shift[c];
          y[i] = z / (1 + Math.exp(-z));
        }
      }
    } else {
      for (let p = 0, i = start; p < positions; p++) {
        for (let c = 0; c < channels; c++, i++) y[i] = x[i] * scale[c] + shift[c];
      }
    }
  }
}
