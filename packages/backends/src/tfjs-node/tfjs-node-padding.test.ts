import {
  AdamW,
  Conv2d,
  clipGradientNorm,
  disposeGradients,
  ExponentialMovingAverage,
  GroupNorm,
  Linear,
  Module,
  MultiHeadAttention,
  maxPool2d,
  Random,
  registerGradients,
  valueAndGradients,
} from '@lipsync/nn';
import { MathBackendCPU } from '@tensorflow/tfjs-backend-cpu';
import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, expect, test, vi } from 'vitest';
import { optionalPackage } from '../select/optional-package';
import { noiseTensor } from '../testing/wasm';
import { startTfjsNode } from './start-tfjs-node';

// tfjs-node fetches libtensorflow while it is installed; scripts/check-tfjs-node.mjs runs the real one. This stands for
// its surface where it is not built.

vi.mock('../select/optional-package');

/** The kernels that tfjs-node 4.22.0 registers, as far as plain JavaScript has them too. */
const TFJS_NODE_KERNELS =
  `Abs Add AddN All Any ArgMax ArgMin AvgPool AvgPool3D AvgPool3DGrad AvgPoolGrad BatchMatMul BatchToSpaceND Bincount
  BroadcastArgs Cast Ceil ClipByValue Concat Conv2D Conv2DBackpropFilter Conv2DBackpropInput Conv3D Conv3DBackpropFilterV2 Conv3DBackpropInputV2
  Cos CropAndResize Cumprod Cumsum DepthToSpace DepthwiseConv2dNative DepthwiseConv2dNativeBackpropFilter DepthwiseConv2dNativeBackpropInput
  Diag Einsum Elu EluGrad Equal Erf Exp ExpandDims Expm1 Fill Floor FloorDiv FusedBatchNorm FusedConv2D FusedDepthwiseConv2D GatherNd GatherV2
  Greater GreaterEqual Identity IsFinite IsInf IsNan LeakyRelu Less LessEqual LinSpace Log Log1p LogicalAnd LogicalNot LogicalOr Max MaxPool
  MaxPool3D MaxPool3DGrad MaxPoolGrad Maximum Mean Min Minimum MirrorPad Mod Multinomial Multiply Neg NonMaxSuppressionV3 NotEqual OneHot OnesLike
  Pack PadV2 Pow Prelu Prod Range RealDiv Reciprocal Relu Relu6 Reshape ResizeBilinear ResizeBilinearGrad ResizeNearestNeighbor
  ResizeNearestNeighborGrad Reverse Round Rsqrt ScatterNd Select Selu Sigmoid Sign Sin Slice Softmax Softplus SpaceToBatchND SparseToDense SplitV
  Sqrt Square SquaredDifference Step StridedSlice Sub Sum Tanh TensorScatterUpdate Tile TopK Transpose Unique Unpack UnsortedSegmentSum ZerosLike
  _FusedMatMul`.split(/\s+/);

/** Those that take no padding but 'same' and 'valid'. Conv2D takes any. */
const PARTICULAR = /^(Conv2DBackprop|Conv3D|MaxPool|AvgPool)/;

/**
 * What asking for tfjs-node does: its kernels and no others, with its refusals, computed by the cpu backend's kernels.
 */
function registerLikeTfjsNode(): void {
  for (const kernelName of TFJS_NODE_KERNELS) {
    const { kernelFunc } = tf.getKernel(kernelName, 'cpu')!;
    tf.registerKernel({
      kernelName,
      backendName: 'tensorflow',
      kernelFunc: (args) => {
        const { pad } = (args.attrs ?? {}) as { pad?: unknown };
        if (PARTICULAR.test(kernelName) && pad !== 'same' && pad !== 'valid')
          throw new Error(`${kernelName}: TF Backend supports only valid and same padding`);
        return kernelFunc(args);
      },
    });
  }
  tf.registerBackend('tensorflow', () => new MathBackendCPU());
}

beforeAll(async () => {
  vi.mocked(optionalPackage).mockImplementation(async () => {
    registerLikeTfjsNode();
    return {};
  });
  await startTfjsNode({ gpu: false });
  registerGradients();
});

/** The same on the cpu backend and on the stand-in. */
async function onBoth(run: () => Promise<number[][]>): Promise<[number[][], number[][]]> {
  await tf.setBackend('cpu');
  const right = await run();
  await tf.setBackend('tensorflow');
  return [await run(), right];
}

const AROUND = [
  [0, 0],
  [0, 1],
  [2, 1],
  [0, 0],
] as Parameters<typeof tf.conv2d>[3];

test.each<[string, number | typeof AROUND, number]>([
  ['unlike sides', AROUND, 1],
  ['unlike sides and a stride', AROUND, 2],
  ['one number', 1, 1],
  ['valid', 'valid' as never, 1],
])(
  'a convolution with padding of %s has its gradients, and so has the pooling of largest values',
  async (_, pad, stride) => {
    const run = async () => {
      const [x, w] = [noiseTensor([2, 5, 6, 3], 1) as tf.Tensor4D, noiseTensor([3, 3, 3, 4], 2) as tf.Tensor4D];
      const shifted = tf.sub(x, 2) as tf.Tensor4D; // all below zero, so that zeros around would be found
      const before = tf.memory().numTensors;
      const results = [
        ...tf.grads((x: tf.Tensor, w: tf.Tensor) =>
          tf.sum(tf.square(tf.conv2d(x as tf.Tensor4D, w as tf.Tensor4D, stride, pad))),
        )([x, w]),
        tf.grad((x) => tf.sum(tf.square(tf.maxPool(x as tf.Tensor4D, 3, stride, pad))))(shifted),
        tf.maxPool(shifted, 3, stride, pad),
      ];
      const numbers = await Promise.all(results.map(async (tensor) => [...tensor.shape, ...(await tensor.data())]));
      tf.dispose(results);
      expect(tf.memory().numTensors).toBe(before);
      tf.dispose([x, w, shifted]);
      return numbers;
    };
    const [got, right] = await onBoth(run);
    expect(got).toEqual(right);
  },
);

/** What the networks are made of. */
class Network extends Module {
  readonly #conv = this.register(
    'conv',
    new Conv2d({
      inChannels: 3,
      outChannels: 8,
      kernelSize: 3,
      stride: 2,
      padding: { left: 0, right: 1, top: 0, bottom: 1 },
      random: new Random(1),
    }),
  );
  readonly #norm = this.register('norm', new GroupNorm({ groups: 4, channels: 8, activation: 'silu' }));
  readonly #attention = this.register(
    'attention',
    new MultiHeadAttention({ channels: 8, heads: 2, random: new Random(2) }),
  );
  readonly #head = this.register('head', new Linear({ inFeatures: 8, outFeatures: 4, random: new Random(3) }));

  forward(x: tf.Tensor): tf.Tensor {
    const maps = maxPool2d(this.#norm.forward(this.#conv.forward(x)), { kernelSize: 3, stride: 2, padding: 1 });
    return this.#head.forward(tf.mean(this.#attention.forward(tf.reshape(maps, [maps.shape[0], -1, 8])), 1));
  }
}

test('a network of our layers trains with the kernels that tfjs-node has, as on the cpu backend', async () => {
  const run = async () => {
    const net = new Network();
    const optimizer = new AdamW(net.namedParameters(), { learningRate: 0.01 });
    const ema = new ExponentialMovingAverage(net, { decay: 0.9 });
    const x = noiseTensor([2, 9, 9, 3], 5);
    const losses: number[] = [];
    for (let step = 0; step < 3; step++) {
      const { value, gradients } = valueAndGradients(
        net,
        () => tf.neg(tf.mean(tf.logSoftmax(net.forward(x)))) as tf.Scalar,
      );
      const norm = clipGradientNorm(gradients, 1);
      losses.push((await value.data())[0], (await norm.data())[0]);
      optimizer.step(gradients);
      ema.update(step);
      disposeGradients(gradients);
      tf.dispose([value, norm]);
    }
    for (const owner of [net, optimizer, ema]) owner.dispose();
    x.dispose();
    return [losses];
  };
  const [got, right] = await onBoth(run);
  expect(new Set(right[0]).size).toBe(6);
  got[0].forEach((value, i) => expect(value).toBeCloseTo(right[0][i], 6)); // equal here
});

test('asking again wraps nothing twice', async () => {
  const kernel = tf.getKernel('MaxPool', 'tensorflow')!.kernelFunc;
  vi.mocked(optionalPackage).mockImplementation(async () => ({}));
  await startTfjsNode({ gpu: false });
  expect(tf.getKernel('MaxPool', 'tensorflow')!.kernelFunc).toBe(kernel);
});
