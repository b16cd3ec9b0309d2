import type { NaiveConvolution } from './naive-convolution';

const KERNELS: [number, number][] = [
  [1, 1],
  [2, 2],
  [3, 3],
  [4, 4],
  [5, 5],
  [6, 6],
  [7, 7],
  [1, 3],
  [5, 2],
];
const STRIDES: [number, number][] = [
  [1, 1],
  [2, 2],
  [3, 3],
  [1, 2],
  [2, 1],
  [5, 2],
];
/** Top, bottom, left, right. */
const PADDINGS: [number, number, number, number][] = [
  [0, 0, 0, 0],
  [0, 1, 0, 1],
  [1, 1, 0, 1],
  [0, 1, 1, 1],
  [1, 2, 2, 1],
  [3, 3, 3, 3],
];
const SIZES: [number, number][] = [
  [9, 11],
  [8, 8],
  [7, 10],
];

/**
 * Every kernel with every stride and padding, on odd and even sizes in turn, and again wider with channels that the
 * SIMD kernels take (blocks of 4 by 8, and what is left over).
 */
export const CONVOLUTIONS: NaiveConvolution[] = KERNELS.flatMap((kernel, a) =>
  STRIDES.flatMap((strides, b) =>
    PADDINGS.flatMap((padding, c) => {
      const [height, width] = SIZES[(a + b + c) % SIZES.length];
      const sizes = { batch: 2, height, width, inChannels: 3, outChannels: 5, kernel, strides, padding };
      return [sizes, { ...sizes, width: width + 9 * strides[1], inChannels: 6, outChannels: 12 }];
    }),
  ),
);

/** For test titles. */
export function describeConvolution({ height, width, kernel, strides, padding }: NaiveConvolution): string {
  return `${height}x${width}, kernel ${kernel.join('x')}, strides ${strides.join('x')}, padding ${padding.join(' ')}`;
}

/** The padding as tfjs takes it. */
export function explicitPadding({
  padding,
}: NaiveConvolution): [[number, number], [number, number], [number, number], [number, number]] {
  const [top, bottom, left, right] = padding;
  return [
    [0, 0],
    [top, bottom],
    [left, right],
    [0, 0],
  ];
}
