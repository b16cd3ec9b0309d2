import type { TensorInfo } from '@tensorflow/tfjs-core';
import {
  type ConvolutionAttributes,
  type ConvolutionGeometry,
  convolutionGeometry,
} from '../wasm/convolution/conv2d-geometry';
import { INVOCATIONS, runShader, sizeOf, type WebgpuArguments, type WebgpuBackend } from './webgpu-program';

/** Positions held at once in a workgroup's memory. */
const DEPTH = 16;

/**
 * Number of workgroups that occupies a large graphics processor; where the filter has fewer tiles, the positions are
 * split.
 */
const ENOUGH_WORKGROUPS = 512;

/** Fewest positions for which a workgroup of its own is faster. */
const LEAST_POSITIONS = 256;

/** Most values that the parts of a split sum may take: 64 MiB. */
const MOST_PARTIAL = 1 << 24;

/** Multiplications below which the stock gradients of convolutions are used. An estimate, not measured on hardware. */
export const SMALL = 1 << 20;

/**
 * Division of a filter gradient into tiles; rows are the filter's `height·width·in`, columns its `out`. Each invocation
 * computes 4 rows by 4 columns.
 */
export type FilterGradientPlan = {
  rows: number;
  columns: number;
  positions: number;
  /** Groups of four rows, and of four columns, in a tile. Their product is the number of invocations. */
  rowQuads: number;
  columnQuads: number;
  rowTiles: number;
  columnTiles: number;
  /** Number of parts of the positions, which are summed afterwards. */
  splits: number;
  /** Number of rounds of `DEPTH` positions in a part. */
  steps: number;
};

/** Divides a filter gradient into tiles; undefined where it is so small that the stock kernel is used. */
export function planFilterGradient(geometry: ConvolutionGeometry): FilterGradientPlan | undefined {
  const { batch, filterHeight, filterWidth, inChannels, outChannels, outHeight, outWidth } = geometry;
  const [rows, columns] = [filterHeight * filterWidth * inChannels, outChannels];
  const positions = batch * outHeight * outWidth;
  if (rows * columns * positions < SMALL) return undefined;
  const columnQuads = powerBetween(Math.ceil(columns / 4), 4, 16);
  const rowQuads = powerBetween(Math.ceil(rows / 4), 4, INVOCATIONS / columnQuads);
  const rowTiles = Math.ceil(rows / (4 * rowQuads));
  const columnTiles = Math.ceil(columns / (4 * columnQuads));
  const wanted = Math.min(
    Math.ceil(ENOUGH_WORKGROUPS / (rowTiles * columnTiles)),
    Math.ceil(positions / LEAST_POSITIONS),
    Math.max(1, Math.floor(MOST_PARTIAL / (rows * columns))),
  );
  const steps = Math.ceil(positions / (wanted * DEPTH));
  const splits = Math.ceil(positions / (steps * DEPTH)); // none is empty
  return { rows, columns, positions, rowQuads, columnQuads, rowTiles, columnTiles, splits, steps };
}

/** The smallest power of two from `least` to `most` that reaches `count`, else `most`. */
function powerBetween(count: number, least: number, most: number): number {
  let power = least;
  while (power < count && power < most) power *= 2;
  return power;
}

/** The stock kernel's form: `Conv2DBackpropFilter` of tfjs-backend-webgpu. */
export type StockFilterGradient = (args: WebgpuArguments<'x' | 'dy', FilterGradientAttributes>) => TensorInfo;

export type FilterGradientAttributes = ConvolutionAttributes & { filterShape: number[] };

/**
 * `Conv2DBackpropFilter` for graphics processors: `dFilter [height·width·in, out] = patches(x)ᵀ [.., positions] · dy
 * [positions, out]` in tiles of up to 64 x 64 in the workgroup's memory, the patches read in place, the positions split
 * among workgroups where the filter alone has too few tiles. Sums are taken in a fixed order, so the same input gives
 * the same bits.
 *
 * The stock kernel has one invocation for each weight, which reads all positions; it is kept for small gradients and
 * for NCHW.
 */
export function webgpuFilterGradient(stock: StockFilterGradient) {
  return (args: WebgpuArguments<'x' | 'dy', FilterGradientAttributes>): TensorInfo => {
    const { inputs, backend, attrs } = args;
    if (attrs.dataFormat === 'NCHW') return stock(args);
    const geometry = convolutionGeometry('Conv2DBackpropFilter', inputs.x.shape, attrs.filterShape, attrs);
    const plan = planFilterGradient(geometry);
    if (!plan) return stock(args);
    const parts = multiplyPatches(backend, inputs.x, inputs.dy, geometry, plan);
    if (plan.splits === 1) return { ...parts, shape: attrs.filterShape };
    try {
      return sumParts(backend, parts, attrs.filterShape, plan.splits);
    } finally {
      backend.disposeData(parts.dataId);
    }
  };
}

/** @returns `[splits, rows, columns]`. */
function multiplyPatches(
  backend: WebgpuBackend,
  x: TensorInfo,
  dy: TensorInfo,
  geometry: ConvolutionGeometry,
  plan: FilterGradientPlan,
): TensorInfo {
  const { rows, columns, positions, rowQuads, columnQuads, rowTiles, columnTiles, splits, steps } = plan;
  const xVectors = geometry.inChannels % 4 === 0;
  const dyVectors = columns % 4 === 0;
  const { filterWidth, inChannels, inHeight, inWidth, outHeight, outWidth, strideHeight, strideWidth, top, left } =
    geometry;
  return runShader(backend, [splits, rows, columns], {
    key: `filterGradient_${rowQuads}_${columnQuads}`,
    inputs: { x, dy },
    vectors: [...(xVectors ? ['x'] : []), ...(dyVectors ? ['dy', 'result'] : [])],
    integers: {
      rows,
      columns,
      positions,
      rowTiles,
      columnTiles,
      splits,
      steps,
      filterWidth,
      inChannels,
      inHeight,
      inWidth,
      outHeight,
      outWidth,
      strideHeight,
      strideWidth,
      padTop: top,
      padLeft: left,
    },
    workgroups: rowTiles * columnTiles * splits,
    invocations: rowQuads * columnQuads,
    code: filterGradientCode(rowQuads, columnQuads, xVectors, dyVectors),
  });
}

function filterGradientCode(rowQuads: number, columnQuads: number, xVectors: boolean, dyVectors: boolean): string {
  const component = (i: number) => 'xyzw'[i];
  const each = (line: (i: number) => string) => [0, 1, 2, 3].map(line).join('\n');
  return `
    var<workgroup> patches: array<vec4<f32>, ${rowQuads * DEPTH}>;
    var<workgroup> gradients: array<vec4<f32>, ${columnQuads * DEPTH}>;

    // The value of x under row of the filter at the output position (sample, y, x); zero outside.
    fn covered(row: i32, sample: i32, outY: i32, outX: i32) -> ${xVectors ? 'vec4<f32>' : 'f32'} {
      let tap = row / uniforms.inChannels;
      let channel = row - tap * uniforms.inChannels;
      let filterY = tap / uniforms.filterWidth;
      let inY = outY * uniforms.strideHeight + filterY - uniforms.padTop;
      let inX = outX * uniforms.strideWidth + tap - filterY * uniforms.filterWidth - uniforms.padLeft;
      if (row >= uniforms.rows || inY < 0 || inY >= uniforms.inHeight || inX < 0 || inX >= uniforms.inWidth) {
        return ${xVectors ? 'vec4<f32>(0.0)' : '0.0'};
      }
      return x[(((sample * uniforms.inHeight + inY) * uniforms.inWidth + inX) * uniforms.inChannels + channel)${xVectors ? ' / 4' : ''}];
    }

    fn gradient(column: i32, position: i32) -> f32 {
      ${dyVectors ? 'return 0.0;' : 'if (column < uniforms.columns) { return dy[position * uniforms.columns + column]; } return 0.0;'}
    }

    fn run(workgroup: i32, local: i32) {
      let columnTile = workgroup % uniforms.columnTiles;
      let rowTile = (workgroup / uniforms.columnTiles) % uniforms.rowTiles;
      let part = workgroup / (uniforms.columnTiles * uniforms.rowTiles);
      let start = part * uniforms.steps * ${DEPTH};
      var sums: array<vec4<f32>, 4>;
      for (var step = 0; step < uniforms.steps; step++) {
        for (var i = local; i < ${rowQuads * DEPTH}; i += ${rowQuads * columnQuads}) {
          let position = start + step * ${DEPTH} + i / ${rowQuads};
          var value = vec4<f32>(0.0);
          if (position < uniforms.positions) {
            let line = position / uniforms.outWidth;
            let outX = position - line * uniforms.outWidth;
            let sample = line / uniforms.outHeight;
            let outY = line - sample * uniforms.outHeight;
            let row = 4 * (rowTile * ${rowQuads} + i % ${rowQuads});
            ${xVectors ? 'value = covered(row, sample, outY, outX);' : each((i) => `value.${component(i)} = covered(row + ${i}, sample, outY, outX);`)}
          }
          patches[i] = value;
        }
        for (var i = local; i < ${columnQuads * DEPTH}; i += ${rowQuads * columnQuads}) {
          let position = start + step * ${DEPTH} + i / ${columnQuads};
          let column = 4 * (columnTile * ${columnQuads} + i % ${columnQuads});
          var value = vec4<f32>(0.0);
          if (position < uniforms.positions && column < uniforms.columns) {
            ${dyVectors ? 'value = dy[(position * uniforms.columns + column) / 4];' : each((i) => `value.${component(i)} = gradient(column + ${i}, position);`)}
          }
          gradients[i] = value;
        }
        workgroupBarrier();
        for (var depth = 0; depth < ${DEPTH}; depth++) {
          let a = patches[depth * ${rowQuads} + local / ${columnQuads}];
          let b = gradients[depth * ${columnQuads} + local % ${columnQuads}];
          ${each((i) => `sums[${i}] += a.${component(i)} * b;`)}
        }
        workgroupBarrier();
      }
      let column = 4 * (columnTile * ${columnQuads} + local % ${columnQuads});
      for (var i = 0; i < 4; i++) {
        let row = 4 * (rowTile * ${rowQuads} + local / ${columnQuads}) + i;
        if (part < uniforms.splits && row < uniforms.rows) {
          let place = (part * uniforms.rows + row) * uniforms.columns + column;
          ${
            dyVectors
              ? 'if (column < uniforms.columns) { result[place / 4] = sums[i]; }'
              : each((j) => `if (column + ${j} < uniforms.columns) { result[place + ${j}] = sums[i].${component(j)}; }`)
          }
        }
      }
    }`;
}

/** `[splits, ...shape]` summed over its first axis. */
function sumParts(backend: WebgpuBackend, parts: TensorInfo, shape: number[], splits: number): TensorInfo {
  const size = sizeOf(shape);
  return runShader(backend, shape, {
    key: 'sumParts',
    inputs: { parts },
    integers: { count: size, splits },
    workgroups: Math.ceil(size / INVOCATIONS),
    code: `
      fn run(workgroup: i32, local: i32) {
        let index = workgroup * ${INVOCATIONS} + local;
        if (index < uniforms.count) {
          var sum = 0.0;
          for (var part = 0; part < uniforms.splits; part++) { sum += parts[part * uniforms.count + index]; }
          result[index] = sum;
        }
      }`,
  });
}
