import type { TensorInfo } from '@tensorflow/tfjs-core';
import * as tf from '@tensorflow/tfjs-core';
import { address, allocate, floats, release, releaseView, reshaped, view, type WasmBackend } from '../heap';
import { native } from '../native';
import { type KernelArguments, type StockKernel, stockKernel } from '../wasm-kernel';

const stockMatMul = stockKernel('BatchMatMul');
const stockTranspose = stockKernel('Transpose');

type MatMulAttributes = { transposeA: boolean; transposeB: boolean };

/** `[1, rows, inner] · [1, inner, columns]`, the one case that tfjs-backend-wasm gives to XNNPACK. */
export function multiplyPlain(backend: WasmBackend, a: TensorInfo, b: TensorInfo): TensorInfo {
  return stockMatMul(backend, { a, b }, { transposeA: false, transposeB: false });
}

/**
 * `BatchMatMul` on XNNPACK with every combination of transposition and batch: the stock kernel drops to 1-4 GFLOP/s
 * where a side is transposed or the batch is above 1.
 */
export function batchMatMul(args: KernelArguments<'a' | 'b', MatMulAttributes>): TensorInfo {
  const { inputs, backend, attrs } = args;
  const { a, b } = inputs;
  const outerA = a.shape.slice(0, -2);
  const outerB = b.shape.slice(0, -2);
  const batchA = tf.util.sizeFromShape(outerA);
  const batchB = tf.util.sizeFromShape(outerB);
  const outer = tf.broadcast_util.assertAndGetBroadcastShape(outerA, outerB);
  const oneBatch = batchA === batchB || batchA === 1 || batchB === 1;
  if (
    a.dtype !== 'float32' ||
    b.dtype !== 'float32' ||
    !oneBatch ||
    tf.util.sizeFromShape(outer) !== Math.max(batchA, batchB)
  ) {
    return stockMatMul(backend, inputs, attrs);
  }
  if (native(backend)) return nativeProduct(args, batchA, batchB, outer);
  const out = multiplyBatches(
    backend,
    reshaped(a, [batchA, ...a.shape.slice(-2)]),
    reshaped(b, [batchB, ...b.shape.slice(-2)]),
    attrs,
  );
  return reshaped(out, [...outer, ...out.shape.slice(-2)]);
}

function nativeProduct(
  { inputs: { a, b }, backend, attrs }: KernelArguments<'a' | 'b', MatMulAttributes>,
  batchA: number,
  batchB: number,
  outer: number[],
): TensorInfo {
  const { transposeA, transposeB } = attrs;
  const [rows, inner] = transposeA ? a.shape.slice(-2).reverse() : a.shape.slice(-2);
  const columns = b.shape.at(transposeB ? -2 : -1)!;
  const y = allocate(backend, [...outer, rows, columns]);
  const { kernels, heap } = native(backend)!;
  const [left, right, to] = [a, b, y].map((tensor) => address(backend, tensor));
  if (tf.util.sizeFromShape(y.shape) > 0) {
    kernels.matMul(heap, batchA, batchB, rows, inner, columns, Number(transposeA), Number(transposeB), left, right, to);
  }
  return y;
}

/** Inputs `[batch, ., .]` with equal batches or a batch of 1. */
function multiplyBatches(backend: WasmBackend, a: TensorInfo, b: TensorInfo, attrs: MatMulAttributes): TensorInfo {
  const swap = { perm: [0, 2, 1] };
  const left = attrs.transposeA ? stockTranspose(backend, { x: a }, swap) : a;
  const right = attrs.transposeB ? stockTranspose(backend, { x: b }, swap) : b;
  const [batchA, rows, inner] = left.shape;
  const [batchB, , columns] = right.shape;
  const batch = Math.max(batchA, batchB);
  let out: TensorInfo;
  if (batchB === 1) {
    out = multiplyPlain(backend, reshaped(left, [1, batchA * rows, inner]), right);
  } else {
    out = allocate(backend, [batch, rows, columns]);
    for (let i = 0; i < batch; i++) {
      const oneLeft = view(backend, left, (batchA === 1 ? 0 : i) * rows * inner, [1, rows, inner]);
      const oneRight = view(backend, right, i * inner * columns, [1, inner, columns]);
      const product = multiplyPlain(backend, oneLeft, oneRight);
      floats(backend, out).set(floats(backend, product), i * rows * columns);
      release(backend, product);
      releaseView(backend, oneLeft);
      releaseView(backend, oneRight);
    }
  }
  if (attrs.transposeA) release(backend, left);
  if (attrs.transposeB) release(backend, right);
  return reshaped(out, [batch, rows, columns]);
}

type FusedAttributes = MatMulAttributes & { activation: string; leakyreluAlpha?: number };

/** The kernel that applies each activation of tfjs's fused ops; relu is done in place. */
const ACTIVATIONS: Record<string, StockKernel> = {
  relu6: stockKernel('Relu6'),
  elu: stockKernel('Elu'),
  sigmoid: stockKernel('Sigmoid'),
  leakyrelu: (backend, { x }, { alpha }: { alpha?: number }) => stockKernel('LeakyRelu')(backend, { x }, { alpha }),
  prelu: (backend, { x, alpha }) => stockKernel('Prelu')(backend, { x, alpha }, {}),
};

/** `_FusedMatMul` (dense layers) by the same product, then bias and activation. The stock kernel's sigmoid is wrong. */
export function fusedMatMul(
  args: KernelArguments<'a' | 'b', FusedAttributes> & {
    inputs: { bias?: TensorInfo; preluActivationWeights?: TensorInfo };
  },
): TensorInfo {
  const { inputs, backend, attrs } = args;
  const { a, b, bias, preluActivationWeights } = inputs;
  if (bias && bias.shape.length !== 1) {
    throw new TypeError(
      `_FusedMatMul: bias must have shape [columns] on the wasm backend, got [${bias.shape.join(', ')}]`,
    );
  }
  const product = batchMatMul({ inputs: { a, b }, backend, attrs });
  finishInPlace(floats(backend, product), bias ? floats(backend, bias) : null, attrs.activation === 'relu');
  const activation = ACTIVATIONS[attrs.activation];
  if (!activation) return product;
  const out = activation(backend, { x: product, alpha: preluActivationWeights! }, { alpha: attrs.leakyreluAlpha });
  release(backend, product);
  return out;
}

function finishInPlace(rows: Float32Array, bias: Float32Array | null, relu: boolean): void {
  if (bias) {
    for (let row = 0; row < rows.length; row += bias.length) {
      for (let i = 0; i < bias.length; i++) rows[row + i] += bias[i];
    }
  }
  if (relu) for (let i = 0; i < rows.length; i++) if (rows[i] < 0) rows[i] = 0;
}
