import type { NaiveConvolution } from './naive-convolution';

const KERNELS: [number, number][] = [[1, 1], [2, 2], [3, 3], [4, 4], [5, 5], [6, 6], [7, 7], [1, 3], [5, 2]];
const STRIDES: [number, number][] = [[1, 1], [2, 2], [3, 3], [1, 2], [2, 1], [5, 2]];
/** Top, bottom, left, right. */
const PADDINGS: [number, number, number, number][] = [[0, 0, 0, 0], [0, 1, 0, 1], [1, 1, 0, 1], [0, 1, 1, 1], [1, 2, 2, 1], [3, 3, 3, 3]];
const SIZES: [number, number][] = [[9, 11], [8, 8], [7, 10]];

/** Every kernel with every stride and padding, on odd and even sizes in turn. */
export const CONVOLUTIONS: NaiveConvolution[] = KERNELS.flatMap((kernel, a) =>
  STRIDES.flatMap((strides, b) =>
    PADDINGS.map((padding, c) => {
      const [height, width] = SIZES[(a + b + c) % SIZES.length];
      return { batch: 2, height, width, inChannels: 3, outChannels: 5, kernel, strides, padding };
    }),
  ),
);

/** For test titles. */
export function describeConvolution({ height, width, kernel, strides, padding }: NaiveConvolution): string {
  return `${height}x${width}, kernel ${kernel.join('x')}, strides ${strides.join('x')}, padding ${padding.join(' ')}`;
}

/** The padding as tfjs takes it. */
export function explicitPadding({ padding }: NaiveConvolution): [[number, number], [number, number], [number, number], [number, number]] {
  const [top, bottom, left, right] = padding;
  return [[0, 0], [top, bottom], [left, right], [0, 0]];
}
