import type { GroupNormAttributes } from '@lipsync/nn';
import type { TensorInfo } from '@tensorflow/tfjs-core';
import { type GroupNormGeometry, groupNormGeometry } from '../wasm/kernels/group-norm';
import { INVOCATIONS, runShader, sizeOf, type WebgpuArguments, type WebgpuBackend } from './webgpu-program';

/**
 * Neighbouring channels that a workgroup reads together: 32 bytes, the unit of a memory access on graphics processors.
 */
export const LANES = 8;

/** Invocations that share a channel. */
export const SHARERS = INVOCATIONS / LANES;

/** WGSL: sums the array `name` over the invocations of each channel; the first invocation of each has the sum. */
export function sumSharers(name: string): string {
  return `
    workgroupBarrier();
    for (var half = ${SHARERS / 2}; half > 0; half = half / 2) {
      if (local / ${LANES} < half) { ${name}[local] += ${name}[local + half * ${LANES}]; }
      workgroupBarrier();
    }`;
}

/** WGSL: the slope of `z · sigmoid(z)`, or 1. */
export const SLOPE = {
  silu: 'fn slope(z: f32) -> f32 { let gate = 1.0 / (1.0 + exp(-z)); return gate * (1.0 + z * (1.0 - gate)); }',
  none: 'fn slope(z: f32) -> f32 { return 1.0; }',
};

/**
 * `LipsyncGroupNorm` on WebGPU: mean and variance of each channel of each sample, then of each group, then the
 * normalised values: three programs, where tfjs ops take about twenty. The variance is computed about the mean, so a
 * large common offset does not affect it.
 *
 * @returns `[y like x, statistics [batch, groups, 2]]`: mean and 1 / sqrt(variance + epsilon).
 */
export function webgpuGroupNorm({
  inputs,
  backend,
  attrs,
}: WebgpuArguments<'x' | 'gamma' | 'beta', GroupNormAttributes>): TensorInfo[] {
  const { x, gamma, beta } = inputs;
  const geometry = groupNormGeometry('LipsyncGroupNorm', x.shape, attrs.groups);
  const { batch, channels, groups, positions } = geometry;
  const moments = channelMoments(backend, x, geometry);
  const statistics = groupStatistics(backend, moments, geometry, attrs.epsilon);
  backend.disposeData(moments.dataId);
  const size = sizeOf(x.shape);
  const y = runShader(backend, x.shape, {
    key: `groupNorm_${attrs.activation}`,
    inputs: { x, gamma, beta, statistics },
    integers: { count: size, channels, sampleSize: positions * channels, groups, width: channels / groups },
    workgroups: Math.ceil(size / INVOCATIONS),
    code: `
      fn run(workgroup: i32, local: i32) {
        let index = workgroup * ${INVOCATIONS} + local;
        if (index < uniforms.count) {
          let channel = index % uniforms.channels;
          let group = 2 * (index / uniforms.sampleSize * uniforms.groups + channel / uniforms.width);
          let z = (x[index] - statistics[group]) * statistics[group + 1] * gamma[channel] + beta[channel];
          result[index] = ${attrs.activation === 'silu' ? 'z / (1.0 + exp(-z))' : 'z'};
        }
      }`,
  });
  return [y, { ...statistics, shape: [batch, groups, 2] }];
}

/** @returns `[batch, channels, 2]`: mean and variance over the positions. */
function channelMoments(
  backend: WebgpuBackend,
  x: TensorInfo,
  { batch, channels, positions }: GroupNormGeometry,
): TensorInfo {
  const blocks = Math.ceil(channels / LANES);
  return runShader(backend, [batch, channels, 2], {
    key: 'channelMoments',
    inputs: { x },
    integers: { batch, channels, positions, blocks },
    workgroups: batch * blocks,
    code: `
      var<workgroup> sums: array<f32, ${INVOCATIONS}>;

      fn run(workgroup: i32, local: i32) {
        let sample = workgroup / uniforms.blocks;
        let channel = workgroup % uniforms.blocks * ${LANES} + local % ${LANES};
        let known = sample < uniforms.batch && channel < uniforms.channels;
        let start = sample * uniforms.positions * uniforms.channels + channel;
        let end = select(0, uniforms.positions, known);
        var sum = 0.0;
        for (var position = local / ${LANES}; position < end; position += ${SHARERS}) { sum += x[start + position * uniforms.channels]; }
        sums[local] = sum;
        ${sumSharers('sums')}
        let mean = sums[local % ${LANES}] / f32(uniforms.positions);
        workgroupBarrier();
        sum = 0.0;
        for (var position = local / ${LANES}; position < end; position += ${SHARERS}) {
          let distance = x[start + position * uniforms.channels] - mean;
          sum += distance * distance;
        }
        sums[local] = sum;
        ${sumSharers('sums')}
        if (known && local < ${LANES}) {
          let place = 2 * (sample * uniforms.channels + channel);
          result[place] = mean;
          result[place + 1] = sums[local] / f32(uniforms.positions);
        }
      }`,
  });
}

/** @returns `[batch, groups, 2]`: mean and 1 / sqrt(variance + epsilon) over positions and channels of each group. */
function groupStatistics(
  backend: WebgpuBackend,
  moments: TensorInfo,
  { batch, channels, groups }: GroupNormGeometry,
  epsilon: number,
): TensorInfo {
  return runShader(backend, [batch, groups, 2], {
    key: 'groupStatistics',
    inputs: { moments },
    integers: { count: batch * groups, width: channels / groups },
    floats: { epsilon },
    workgroups: Math.ceil((batch * groups) / INVOCATIONS),
    code: `
      fn run(workgroup: i32, local: i32) {
        let group = workgroup * ${INVOCATIONS} + local;
        if (group < uniforms.count) {
          let first = group * uniforms.width;
          var mean = 0.0;
          for (var i = first; i < first + uniforms.width; i++) { mean += moments[2 * i]; }
          mean /= f32(uniforms.width);
          var variance = 0.0;
          for (var i = first; i < first + uniforms.width; i++) {
            let distance = moments[2 * i] - mean;
            variance += moments[2 * i + 1] + distance * distance;
          }
          result[2 * group] = mean;
          result[2 * group + 1] = 1.0 / sqrt(variance / f32(uniforms.width) + uniforms.epsilon);
        }
      }`,
  });
}
