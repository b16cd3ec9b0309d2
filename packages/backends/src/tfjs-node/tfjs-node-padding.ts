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

/** TensorFlow's substitute for minus infinity in max pooling. */
const LOWEST = -3.4028234663852886e38;

/**
 * By kernel: the input that is padded, the padding value, and whether the result has the padded size and is cropped.
 */
const PADDED: Record<string, { input: string; value: number; crop: boolean }> = {
  Conv2DBackpropFilter: { input: 'x', value: 0, crop: false },
  Conv2DBackpropInput: { input: '', value: 0, crop: true },
  MaxPool: { input: 'x', value: LOWEST, crop: false },
  MaxPoolGrad: { input: 'input', value: LOWEST, crop: true },
};

/**
 * Adds padding of any size to tfjs-node's convolution gradients and max pooling, whose kernels refuse it: they get a
 * padded copy, and results of the padded size are cropped. Calling it again does nothing.
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

/** Rows and columns of padding; undefined for 'same', 'valid' and NCHW, which the kernels support. */
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
  rule: { input: string; value: number; crop: boolean },
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
      : run(other('PadV2'), { x: inputs[rule.input] }, { paddings, constantValue: rule.value });
  const result = run(stock, padded ? { ...inputs, [rule.input]: padded } : inputs, valid);
  if (padded) free(padded);
  if (!rule.crop) return result;
  const inside = run(other('Slice'), { x: result }, { begin: [0, top, left, 0], size: shape });
  free(result);
  return inside;
}
