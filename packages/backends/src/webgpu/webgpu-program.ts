import type { DataType, TensorInfo } from '@tensorflow/tfjs-core';

/** The parts of tfjs-backend-webgpu's backend that our kernels use. */
export type WebgpuBackend = {
  runWebGPUProgram(program: ShaderProgram, inputs: TensorInfo[], dtype: DataType, uniforms: UniformValue[]): TensorInfo;
  disposeData(dataId: object): boolean;
};

/** The arguments of a WebGPU kernel. */
export type WebgpuArguments<Inputs extends string, Attributes> = {
  inputs: Record<Inputs, TensorInfo>;
  backend: WebgpuBackend;
  attrs: Attributes;
};

type UniformValue = { type: 'int32' | 'float32'; data: number[] };

/** A program in the form that tfjs-backend-webgpu 4.22.0 compiles and caches. */
export type ShaderProgram = {
  variableNames: string[];
  /** Values in one element of each input's array. */
  variableComponents: number[];
  /** Values in one element of `result`. */
  outputComponent: number;
  uniforms: string;
  outputShape: number[];
  workgroupSize: [number, number, number];
  dispatchLayout: { x: number[] };
  dispatch: [number, number, number];
  shaderKey: string;
  getUserCode(): string;
};

/** Invocations in a workgroup: the minimum that every WebGPU device supports. */
export const INVOCATIONS = 256;

/** A shader; its key must depend on everything in it that is not a uniform. */
export type Shader = {
  /** Identifies the source; programs with the same key share one compiled pipeline. */
  key: string;
  /** WGSL: declarations, and `fn run(workgroup: i32, local: i32)`. */
  code: string;
  /** Inputs by their name in the source, as flat arrays; of vectors of 4 where `vectors` lists the name. */
  inputs: Record<string, TensorInfo>;
  /** Inputs (and `result`) that are arrays of `vec4<f32>` instead of `f32`. Default none. */
  vectors?: readonly string[];
  /** Integers, `uniforms.name` in the source. */
  integers?: Record<string, number>;
  /** Floating-point values, `uniforms.name` in the source. */
  floats?: Record<string, number>;
  /** Number of workgroups; more may be started. */
  workgroups: number;
  /** Invocations in a workgroup. Default 256. */
  invocations?: number;
};

/**
 * Runs a shader.
 *
 * @returns float32 of the given shape. The caller disposes it.
 */
export function runShader(backend: WebgpuBackend, shape: number[], shader: Shader): TensorInfo {
  const { key, code, inputs, vectors = [], integers = {}, floats = {}, workgroups, invocations = INVOCATIONS } = shader;
  const names = Object.keys(inputs);
  const flat = (info: TensorInfo): TensorInfo => ({ ...info, shape: [sizeOf(info.shape)] });
  const components = (name: string) => (vectors.includes(name) ? 4 : 1);
  const program: ShaderProgram = {
    variableNames: names,
    variableComponents: names.map(components),
    outputComponent: components('result'),
    uniforms: [
      ...Object.keys(integers).map((name) => `${name}: i32, `),
      ...Object.keys(floats).map((name) => `${name}: f32, `),
    ].join(''),
    outputShape: [sizeOf(shape)],
    workgroupSize: [invocations, 1, 1],
    dispatchLayout: { x: [0] },
    dispatch: [workgroups, 1, 1],
    shaderKey: `lipsync_${key}_${vectors.join('_')}`,
    // Large counts are split over three dimensions, from which the index of a workgroup is computed.
    getUserCode: () => `${code}
      fn main(index: i32) {
        let workgroup = (workgroupId.z * numWorkgroups.y + workgroupId.y) * numWorkgroups.x + workgroupId.x;
        run(i32(workgroup), i32(localIndex));
      }`,
  };
  const uniforms: UniformValue[] = [
    ...Object.values(integers).map((value) => ({ type: 'int32' as const, data: [value] })),
    ...Object.values(floats).map((value) => ({ type: 'float32' as const, data: [value] })),
  ];
  const out = backend.runWebGPUProgram(
    program,
    names.map((name) => flat(inputs[name])),
    'float32',
    uniforms,
  );
  return { ...out, shape };
}

export function sizeOf(shape: number[]): number {
  return shape.reduce((product, size) => product * size, 1);
}
