import type { GroupNormAttributes } from '@lipsync/nn';
import type { TensorInfo } from '@tensorflow/tfjs-core';
import { type GroupNormGeometry, groupNormGeometry } from '../wasm/kernels/group-norm';
import { LANES, SHARERS, SLOPE, sumSharers } from './webgpu-group-norm';
import { INVOCATIONS, runShader, sizeOf, type WebgpuArguments, type WebgpuBackend } from './webgpu-program';

/**
 * `LipsyncGroupNormGrad` on WebGPU, as the kernel of the wasm backend defines it: sums over the positions of each
 * channel, means of each group, then the gradient of each value; the sums of the channels give the gradients of `gamma`
 * and `beta`.
 *
 * @returns `[dx, dgamma, dbeta]`.
 */
export function webgpuGroupNormGradient(
  args: WebgpuArguments<'x' | 'gamma' | 'beta' | 'statistics' | 'dy', GroupNormAttributes>,
): TensorInfo[] {
  const { inputs, backend, attrs } = args;
  const { x, gamma, beta, statistics, dy } = inputs;
  const geometry = groupNormGeometry('LipsyncGroupNormGrad', x.shape, attrs.groups);
  const { channels, groups, positions } = geometry;
  const width = channels / groups;
  const sums = channelSums(backend, args, geometry);
  const means = groupMeans(backend, sums, gamma, geometry);
  const size = sizeOf(x.shape);
  const dx = runShader(backend, x.shape, {
    key: `groupNormInputGradient_${attrs.activation}`,
    inputs: { x, gamma, beta, statistics, dy, means },
    integers: { count: size, channels, sampleSize: positions * channels, groups, width },
    workgroups: Math.ceil(size / INVOCATIONS),
    code: `
      ${SLOPE[attrs.activation]}

      fn run(workgroup: i32, local: i32) {
        let index = workgroup * ${INVOCATIONS} + local;
        if (index < uniforms.count) {
          let channel = index % uniforms.channels;
          let group = 2 * (index / uniforms.sampleSize * uniforms.groups + channel / uniforms.width);
          let inverse = statistics[group + 1];
          let h = (x[index] - statistics[group]) * inverse;
          let u = dy[index] * slope(h * gamma[channel] + beta[channel]);
          result[index] = inverse * (gamma[channel] * u - means[group] - h * means[group + 1]);
        }
      }`,
  });
  const dbeta = sumSamples(backend, sums, geometry, 0);
  const dgamma = sumSamples(backend, sums, geometry, 1);
  for (const { dataId } of [sums, means]) backend.disposeData(dataId);
  return [dx, dgamma, dbeta];
}

/** @returns `[batch, channels, 2]`: sums of `u = dy · slope` and of `u · h` over the positions. */
function channelSums(
  backend: WebgpuBackend,
  { inputs, attrs }: WebgpuArguments<'x' | 'gamma' | 'beta' | 'statistics' | 'dy', GroupNormAttributes>,
  { batch, channels, groups, positions }: GroupNormGeometry,
): TensorInfo {
  const { x, gamma, beta, statistics, dy } = inputs;
  const blocks = Math.ceil(channels / LANES);
  return runShader(backend, [batch, channels, 2], {
    key: `groupNormChannelSums_${attrs.activation}`,
    inputs: { x, gamma, beta, statistics, dy },
    integers: { batch, channels, positions, blocks, groups, width: channels / groups },
    workgroups: batch * blocks,
    code: `
      ${SLOPE[attrs.activation]}
      var<workgroup> plain: array<f32, ${INVOCATIONS}>;
      var<workgroup> weighted: array<f32, ${INVOCATIONS}>;

      fn run(workgroup: i32, local: i32) {
        let sample = workgroup / uniforms.blocks;
        let channel = workgroup % uniforms.blocks * ${LANES} + local % ${LANES};
        let known = sample < uniforms.batch && channel < uniforms.channels;
        let start = sample * uniforms.positions * uniforms.channels + channel;
        let end = select(0, uniforms.positions, known);
        let safe = select(0, channel, known);
        let group = select(0, 2 * (sample * uniforms.groups + channel / uniforms.width), known);
        let mean = statistics[group];
        let inverse = statistics[group + 1];
        var sumU = 0.0;
        var sumUH = 0.0;
        for (var position = local / ${LANES}; position < end; position += ${SHARERS}) {
          let index = start + position * uniforms.channels;
          let h = (x[index] - mean) * inverse;
          let u = dy[index] * slope(h * gamma[safe] + beta[safe]);
          sumU += u;
          sumUH += u * h;
        }
        plain[local] = sumU;
        weighted[local] = sumUH;
        ${sumSharers('plain')}
        ${sumSharers('weighted')}
        if (known && local < ${LANES}) {
          let place = 2 * (sample * uniforms.channels + channel);
          result[place] = plain[local];
          result[place + 1] = weighted[local];
        }
      }`,
  });
}

/**
 * @returns `[batch, groups, 2]`: means of `gamma · u` and of `gamma · u · h` over positions and channels of each group.
 */
function groupMeans(
  backend: WebgpuBackend,
  sums: TensorInfo,
  gamma: TensorInfo,
  geometry: GroupNormGeometry,
): TensorInfo {
  const { batch, channels, groups, positions } = geometry;
  const width = channels / groups;
  return runShader(backend, [batch, groups, 2], {
    key: 'groupNormMeans',
    inputs: { sums, gamma },
    integers: { count: batch * groups, channels, groups, width, positions },
    workgroups: Math.ceil((batch * groups) / INVOCATIONS),
    code: `
      fn run(workgroup: i32, local: i32) {
        let group = workgroup * ${INVOCATIONS} + local;
        if (group < uniforms.count) {
          var sum = vec2<f32>(0.0);
          for (var i = 0; i < uniforms.width; i++) {
            let channel = group % uniforms.groups * uniforms.width + i;
            let place = 2 * (group / uniforms.groups * uniforms.channels + channel);
            sum += gamma[channel] * vec2<f32>(sums[place], sums[place + 1]);
          }
          sum /= f32(uniforms.width) * f32(uniforms.positions);
          result[2 * group] = sum.x;
          result[2 * group + 1] = sum.y;
        }
      }`,
  });
}

/** `sums [batch, channels, 2]` at `part`, summed over the samples: `[channels]`. */
function sumSamples(
  backend: WebgpuBackend,
  sums: TensorInfo,
  { batch, channels }: GroupNormGeometry,
  part: 0 | 1,
): TensorInfo {
  return runShader(backend, [channels], {
    key: 'groupNormSumSamples',
    inputs: { sums },
    integers: { batch, channels, part },
    workgroups: Math.ceil(channels / INVOCATIONS),
    code: `
      fn run(workgroup: i32, local: i32) {
        let channel = workgroup * ${INVOCATIONS} + local;
        if (channel < uniforms.channels) {
          var sum = 0.0;
          for (var sample = 0; sample < uniforms.batch; sample++) { sum += sums[2 * (sample * uniforms.channels + channel) + uniforms.part]; }
          result[channel] = sum;
        }
      }`,
  });
}
