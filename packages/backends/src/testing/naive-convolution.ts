/** A convolution's sizes; padding is explicit. */
export type NaiveConvolution = {
  batch: number;
  height: number;
  width: number;
  inChannels: number;
  outChannels: number;
  kernel: [number, number];
  strides: [number, number];
  /** Top, bottom, left, right. */
  padding: [number, number, number, number];
};

/** Output height and width. */
export function outputSize({ height, width, kernel, strides, padding }: NaiveConvolution): [number, number] {
  return [
    Math.floor((height + padding[0] + padding[1] - kernel[0]) / strides[0]) + 1,
    Math.floor((width + padding[2] + padding[3] - kernel[1]) / strides[1]) + 1,
  ];
}

/** Visits every product of `y[n, oy, ox, k] += x[n, iy, ix, c] · w[i, j, c, k]` with the three flat indices. */
function everyProduct(sizes: NaiveConvolution, visit: (y: number, x: number, w: number) => void): void {
  const { batch, height, width, inChannels, outChannels, kernel, strides, padding } = sizes;
  const [outHeight, outWidth] = outputSize(sizes);
  for (let n = 0; n < batch; n++)
    for (let oy = 0; oy < outHeight; oy++)
      for (let ox = 0; ox < outWidth; ox++)
        for (let i = 0; i < kernel[0]; i++)
          for (let j = 0; j < kernel[1]; j++) {
            const iy = oy * strides[0] + i - padding[0];
            const ix = ox * strides[1] + j - padding[2];
            if (iy < 0 || iy >= height || ix < 0 || ix >= width) continue;
            for (let c = 0; c < inChannels; c++)
              for (let k = 0; k < outChannels; k++) {
                visit(
                  ((n * outHeight + oy) * outWidth + ox) * outChannels + k,
                  ((n * height + iy) * width + ix) * inChannels + c,
                  ((i * kernel[1] + j) * inChannels + c) * outChannels + k,
                );
              }
          }
}

/** dx and dw of `sum(conv2d(x, w) · dy)`, in 64 bits, straight from the definition. */
export function naiveGradients(sizes: NaiveConvolution, x: Float32Array, w: Float32Array, dy: Float32Array) {
  const dx = new Float64Array(x.length);
  const dw = new Float64Array(w.length);
  everyProduct(sizes, (yIndex, xIndex, wIndex) => {
    dx[xIndex] += dy[yIndex] * w[wIndex];
    dw[wIndex] += dy[yIndex] * x[xIndex];
  });
  return { dx, dw };
}

/** `conv2d(x, w)`, in 64 bits, straight from the definition. */
export function naiveForward(sizes: NaiveConvolution, x: Float32Array, w: Float32Array): Float64Array {
  const [outHeight, outWidth] = outputSize(sizes);
  const y = new Float64Array(sizes.batch * outHeight * outWidth * sizes.outChannels);
  everyProduct(sizes, (yIndex, xIndex, wIndex) => {
    y[yIndex] += x[xIndex] * w[wIndex];
  });
  return y;
}
