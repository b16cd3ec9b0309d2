import type { GroupNormAttributes } from '@lipsync/nn';
import type { TensorInfo } from '@tensorflow/tfjs-core';
import { address, allocate, floats, release } from '../heap';
import { native } from '../native';
import { simdKernels } from '../simd/simd';
import { runShares, simdThreads, split } from '../threads/simd-threads';
import type { KernelArguments } from '../wasm-kernel';
import { type GroupNormGeometry, groupNormGeometry } from './group-norm';

/**
 * `LipsyncGroupNormGrad`. With `h = (x - mean) · r`, `u = dy · silu'(z)` (or dy) and means over a group and its
 * positions: `dx = r · (gamma · u - mean(gamma · u) - h · mean(gamma · u · h))`, `dgamma = sum u · h`, `dbeta = sum u`.
 *
 * @returns `[dx, dgamma, dbeta]`.
 */
export function groupNormGradient(
  args: KernelArguments<'x' | 'gamma' | 'beta' | 'statistics' | 'dy', GroupNormAttributes>,
): TensorInfo[] {
  const { inputs, backend, attrs } = args;
  const { x } = inputs;
  const geometry = groupNormGeometry('LipsyncGroupNormGrad', x.shape, attrs.groups);
  const dx = allocate(backend, x.shape);
  const dgamma = allocate(backend, [geometry.channels]);
  const dbeta = allocate(backend, [geometry.channels]);
  const accelerated = native(backend);
  if (accelerated) {
    const { batch, positions, channels, groups } = geometry;
    const tensors = [x, inputs.gamma, inputs.beta, inputs.statistics, inputs.dy, dx, dgamma, dbeta];
    const [from, gamma, beta, figures, gradient, ...to] = tensors.map((tensor) => address(backend, tensor));
    const silu = Number(attrs.activation === 'silu');
    const sizes = [batch, positions, channels, groups, silu] as const;
    accelerated.kernels.groupNormGradient(
      accelerated.heap,
      ...sizes,
      from,
      gamma,
      beta,
      figures,
      gradient,
      to[0],
      to[1],
      to[2],
    );
    return [dx, dgamma, dbeta];
  }
  if (geometry.channels % 4 === 0 && simdKernels(backend)) {
    const { batch, positions, channels, groups } = geometry;
    const shares = split(batch, simdThreads(backend));
    const room = 12 * channels; // values of scratch memory for each thread
    const scratch = allocate(backend, [room * shares.length]);
    const totals = allocate(backend, [4 * channels * shares.length]); // float64 dgamma and dbeta of each thread
    floats(backend, totals).fill(0);
    const tensors = [x, inputs.gamma, inputs.beta, inputs.statistics, inputs.dy, dx, totals, scratch];
    const [from, gamma, beta, figures, gradient, to, sums, own] = tensors.map((tensor) => address(backend, tensor));
    const silu = Number(attrs.activation === 'silu');
    runShares(
      backend,
      'groupNormGradient',
      shares.map(([first, last], i) => [
        from,
        gamma,
        beta,
        figures,
        gradient,
        to,
        sums + 16 * channels * i,
        own + 4 * room * i,
        first,
        last,
        positions,
        channels,
        groups,
        silu,
      ]),
    );
    const doubles = new Float64Array(backend.wasm.HEAPU8.buffer as ArrayBuffer, sums, 2 * channels * shares.length);
    const total = (c: number) => shares.reduce((sum, _, i) => sum + doubles[2 * channels * i + c], 0);
    const [gammaSums, betaSums] = [floats(backend, dgamma), floats(backend, dbeta)];
    for (let c = 0; c < channels; c++) {
      gammaSums[c] = total(c);
      betaSums[c] = total(channels + c);
    }
    release(backend, scratch);
    release(backend, totals);
    return [dx, dgamma, dbeta];
  }
  differentiate(
    {
      x: floats(backend, x),
      gamma: floats(backend, inputs.gamma),
      beta: floats(backend, inputs.beta),
      statistics: floats(backend, inputs.statistics),
      dy: floats(backend, inputs.dy),
      dx: floats(backend, dx),
      dgamma: floats(backend, dgamma),
      dbeta: floats(backend, dbeta),
    },
    geometry,
    attrs.activation === 'silu',
  );
  return [dx, dgamma, dbeta];
}

type Values = Record<'x' | 'gamma' | 'beta' | 'statistics' | 'dy' | 'dx' | 'dgamma' | 'dbeta', Float32Array>;

/** The same in JavaScript: for channels that are not a multiple of 4, and without SIMD. */
function differentiate(values: Values, { batch, positions, channels, groups }: GroupNormGeometry, silu: boolean): void {
  const { x, gamma, beta, statistics, dy, dx, dgamma, dbeta } = values;
  const width = channels / groups;
  const count = positions * width;
  const sumU = new Float64Array(channels);
  const sumUX = new Float64Array(channels);
  const scale = new Float32Array(channels);
  const shift = new Float32Array(channels);
  const means = new Float64Array(channels);
  const inverses = new Float64Array(channels);
  // dx = a·u + b·x + c for each channel.
  const a = new Float32Array(channels);
  const b = new Float32Array(channels);
  const c = new Float32Array(channels);
  dgamma.fill(0);
  dbeta.fill(0);
  for (let n = 0; n < batch; n++) {
    const start = n * positions * channels;
    for (let k = 0; k < channels; k++) {
      const group = n * groups + Math.floor(k / width);
      means[k] = statistics[2 * group];
      inverses[k] = statistics[2 * group + 1];
      scale[k] = gamma[k] * inverses[k];
      shift[k] = beta[k] - means[k] * inverses[k] * gamma[k];
    }
    sumU.fill(0);
    sumUX.fill(0);
    for (let p = 0, i = start; p < positions; p++) {
      for (let k = 0; k < channels; k++, i++) {
        let u = dy[i];
        if (silu) {
          const z = x[i] * scale[k] + shift[k];
          const s = 1 / (1 + Math.exp(-z));
          u *= s * (1 + z * (1 - s));
          dx[i] = u; // kept for the second pass
        }
        sumU[k] += u;
        sumUX[k] += u * (x[i] - means[k]);
      }
    }
    for (let g = 0; g < groups; g++) {
      let meanU = 0;
      let meanUH = 0;
      for (let k = g * width; k < (g + 1) * width; k++) {
        const sumUH = sumUX[k] * inverses[k];
        dgamma[k] += sumUH;
        dbeta[k] += sumU[k];
        meanU += gamma[k] * sumU[k];
        meanUH += gamma[k] * sumUH;
      }
      meanU /= count;
      meanUH /= count;
      for (let k = g * width; k < (g + 1) * width; k++) {
        const r = inverses[k];
        a[k] = r * gamma[k];
        b[k] = -r * r * meanUH;
        c[k] = -r * meanU + r * r * meanUH * means[k];
      }
    }
    const source = silu ? dx : dy;
    for (let p = 0, i = start; p < positions; p++) {
      for (let k = 0; k < channels; k++, i++) dx[i] = a[k] * source[i] + b[k] * x[i] + c[k];
    }
  }
}
