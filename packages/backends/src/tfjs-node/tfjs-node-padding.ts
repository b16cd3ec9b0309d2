import type { KernelFunc, NamedAttrMap, TensorInfo } from '@tensorflow/tfjs-core';
import * as tf from '@tensorflow/tfjs-core';

type Pads = Parameters<typeof tf.backend_util.computeConv2DInfo>[4];
type Pair = [number, number];
type Shape4D = [number, number, number, number];
type Attributes = {
  pad: Pads;
  strides: Pair | number;
  filterSize?: Pair | number;
  filterShape?: Shape4D;
  inputShape?: Shape4D;
  dimRoundingMode?: 'floor' | 'round' | 'ceil';
  dataFormat?: 'NHWC' | 'NCHW';
};
type Arguments = { inputs: Record<string, TensorInfo>; backend: unknown; attrs: Attributes };
type Sides = { top: number; bottom: number; left: number; right: number };

/** What TensorFlow takes for minus infinity where it seeks the largest value. */
const LOWEST = -3.4028234663852886e38;

/** By kernel: which input is padded and with what, and whether the result has that input's size and so is cut. */
const PADDED: Record<string, { input: string; outside: number; cut: boolean }> = {
  Conv2DBackpropFilter: { input: 'x', outside: 0, cut: false },
  Conv2DBackpropInput: { input: '', outside: 0, cut: true },
  MaxPool: { input: 'x', outside: LOWEST, cut: false },
  MaxPoolGrad: { input: 'input', outside: LOWEST, cut: true },
};

/**
 * Gives tfjs-node's convolution gradients and largest-value pooling paddings of any size, which its kernels refuse: they get a padded copy, and what
 * comes back in its size is cut. Calling it again does nothing.
 *
 * Average pooling with such padding is still refused.
 */
export function padForTfjsNode(): void {
  for (const [kernelName, rule] of Object.entries(PADDED)) {
    const stock = tf.getKernel(kernelName, 'tensorflow');
    if (!stock || padding.has(stock.kernelFunc)) continue;
    const run = ((args: Arguments) => {
      const shape = rule.input === '' ? args.attrs.inputShape! : (args.inputs[rule.input].shape as Shape4D);
      const sides = sidesOf(kernelName, shape, args);
      return sides
        ? runPadded(stock.kernelFunc, args, shape, sides, rule)
        : (stock.kernelFunc as unknown as (args: Arguments) => TensorInfo)(args);
    }) as unknown as KernelFunc;
    padding.add(run);
    tf.unregisterKernel(kernelName, 'tensorflow');
    tf.registerKernel({ ...stock, kernelFunc: run });
  }
}

const padding = new WeakSet<KernelFunc>();

/** Rows and columns of padding, where it is neither 'same' nor 'valid' nor for NCHW. */
function sidesOf(kernelName: string, shape: Shape4D, { inputs, attrs }: Arguments): Sides | undefined {
  const { pad, strides, filterSize, filterShape, dimRoundingMode, dataFormat } = attrs;
  if (pad === 'same' || pad === 'valid' || dataFormat === 'NCHW') return undefined;
  const { padInfo } = kernelName.startsWith('Conv2D')
    ? tf.backend_util.computeConv2DInfo(
        shape,
        filterShape ?? (inputs.filter.shape as Shape4D),
        strides,
        1,
        pad,
        dimRoundingMode,
      )
    : tf.backend_util.computePool2DInfo(shape, filterSize!, strides, 1, pad, dimRoundingMode);
  return padInfo;
}

function runPadded(
  stock: KernelFunc,
  args: Arguments,
  shape: Shape4D,
  sides: Sides,
  rule: { input: string; outside: number; cut: boolean },
): TensorInfo {
  const { inputs, backend, attrs } = args;
  const { top, bottom, left, right } = sides;
  const run = (kernelFunc: KernelFunc, inputs: Record<string, TensorInfo>, attrs: object) =>
    kernelFunc({ inputs, backend: backend as never, attrs: attrs as NamedAttrMap }) as TensorInfo;
  const other = (name: string) => tf.getKernel(name, 'tensorflow')!.kernelFunc;
  const free = ({ dataId }: TensorInfo) => (backend as { disposeData(dataId: object): unknown }).disposeData(dataId);
  const [batch, height, width, channels] = shape;
  const inputShape = [batch, height + top + bottom, width + left + right, channels];
  const valid = { ...attrs, pad: 'valid', ...(attrs.inputShape && { inputShape }) };
  const paddings = [
    [0, 0],
    [top, bottom],
    [left, right],
    [0, 0],
  ];
  const padded =
    rule.input === ''
      ? undefined
      : run(other('PadV2'), { x: inputs[rule.input] }, { paddings, constantValue: rule.outside });
  const result = run(stock, padded ? { ...inputs, [rule.input]: padded } : inputs, valid);
  if (padded) free(padded);
  if (!rule.cut) return result;
  const inside = run(other('Slice'), { x: result }, { begin: [0, top, left, 0], size: shape });
  free(result);
  return inside;
}
