/** What a backend's kernels must get right, as values and gradients that are compared with another backend's. Runs in Node and in pages. */

/** Numbers in (-1, 1) that look random, the same everywhere. */
export function noise(count, seed) {
  const numbers = new Float32Array(count);
  let state = (seed * 2654435761 + 1) >>> 0;
  for (let i = 0; i < count; i++) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    numbers[i] = state / 2 ** 31 - 1;
  }
  return numbers;
}

/** Filter shapes, strides and paddings; the last eight are large enough for tiles. Sizes are `[batch, height, width, in, out]`. */
const CONVOLUTIONS = [
  { size: [2, 7, 9, 4, 5], kernel: [3, 3], stride: 1, pad: 'same' },
  { size: [2, 8, 8, 4, 8], kernel: [3, 3], stride: 2, pad: 'same' },
  { size: [2, 7, 9, 3, 5], kernel: [3, 3], stride: 2, pad: 'valid' },
  { size: [2, 9, 7, 4, 4], kernel: [4, 4], stride: 2, pad: 'same' },
  { size: [2, 8, 8, 4, 4], kernel: [1, 1], stride: 1, pad: 'same' },
  { size: [2, 8, 8, 4, 4], kernel: [1, 1], stride: 2, pad: 'valid' },
  { size: [2, 9, 9, 2, 4], kernel: [5, 5], stride: 3, pad: 'same' },
  {
    size: [1, 8, 8, 4, 2],
    kernel: [4, 4],
    stride: 2,
    pad: [
      [0, 0],
      [1, 2],
      [2, 1],
      [0, 0],
    ],
  },
  { size: [2, 6, 5, 2, 3], kernel: [7, 1], stride: 1, pad: 'same' },
  {
    size: [2, 8, 6, 3, 4],
    kernel: [3, 3],
    stride: [2, 1],
    pad: [
      [0, 0],
      [1, 1],
      [1, 1],
      [0, 0],
    ],
  },
  {
    size: [2, 8, 9, 3, 4],
    kernel: [1, 3],
    stride: [1, 2],
    pad: [
      [0, 0],
      [0, 0],
      [0, 1],
      [0, 0],
    ],
  },
  { size: [3, 6, 6, 1, 8], kernel: [3, 3], stride: 1, pad: 'same' },
  { size: [2, 24, 24, 15, 32], kernel: [7, 7], stride: 2, pad: 'same' },
  {
    size: [24, 20, 13, 1, 32],
    kernel: [3, 3],
    stride: 1,
    pad: [
      [0, 0],
      [1, 1],
      [1, 1],
      [0, 0],
    ],
  },
  {
    size: [8, 16, 16, 32, 32],
    kernel: [3, 3],
    stride: 1,
    pad: [
      [0, 0],
      [1, 1],
      [1, 1],
      [0, 0],
    ],
  },
  {
    size: [8, 17, 15, 32, 64],
    kernel: [3, 3],
    stride: 2,
    pad: [
      [0, 0],
      [0, 1],
      [0, 1],
      [0, 0],
    ],
  },
  { size: [3, 9, 9, 30, 70], kernel: [3, 3], stride: 1, pad: 'valid' },
  {
    size: [4, 6, 5, 64, 128],
    kernel: [3, 3],
    stride: [2, 1],
    pad: [
      [0, 0],
      [1, 1],
      [1, 1],
      [0, 0],
    ],
  },
  { size: [9, 12, 12, 64, 66], kernel: [1, 1], stride: 1, pad: 'valid' },
  { size: [40, 2, 2, 128, 64], kernel: [2, 2], stride: 1, pad: 'valid' },
];

/** GroupNorm: shape, groups. */
const NORMALISATIONS = [
  [[2, 5, 7, 8], 4],
  [[3, 4, 64], 32],
  [[2, 1, 1, 256], 32],
  [[2, 40, 40, 32], 32],
  [[2, 3, 12], 1],
  [[1, 5, 6], 6],
  [[2, 9, 10], 2],
];

/**
 * Each case: a name, and a function that makes tensors; gradients included.
 *
 * @returns `{ name, run(): tf.Tensor[] }[]`
 */
export function kernelCases(tf) {
  const cases = [];
  const tensor = (shape, seed, scale = 1) =>
    tf.tensor(
      noise(
        shape.reduce((a, b) => a * b),
        seed,
      ).map((value) => value * scale),
      shape,
    );
  // A loss whose gradient differs at each place.
  const weighted = (y) => tf.sum(tf.mul(y, tensor(y.shape, 99)));
  const withGradients = (f, inputs) => [f(...inputs), ...tf.grads((...args) => weighted(f(...args)))(inputs)];
  for (const {
    size: [batch, height, width, channels, out],
    kernel,
    stride,
    pad,
  } of CONVOLUTIONS) {
    cases.push({
      name: `conv2d ${batch}x${height}x${width}x${channels} to ${out}, kernel ${kernel}, stride ${stride}, padding ${JSON.stringify(pad)}`,
      run: () =>
        withGradients(
          (x, w) => tf.conv2d(x, w, stride, pad),
          [tensor([batch, height, width, channels], 1), tensor([...kernel, channels, out], 2)],
        ),
    });
  }
  for (const stride of [1, 2]) {
    cases.push({
      name: `conv2dTranspose, stride ${stride}`,
      run: () =>
        withGradients(
          (x, w) => tf.conv2dTranspose(x, w, [2, 5 * stride, 6 * stride, 3], stride, 'same'),
          [tensor([2, 5, 6, 4], 1), tensor([4, 4, 3, 4], 2)],
        ),
    });
  }
  for (const [shape, groups] of NORMALISATIONS) {
    for (const activation of ['none', 'silu']) {
      const channels = shape.at(-1);
      cases.push({
        name: `GroupNorm of ${shape} in ${groups} groups, ${activation}`,
        run: () =>
          withGradients(
            (x, gamma, beta) =>
              tf.engine().runKernel('LipsyncGroupNorm', { x, gamma, beta }, { groups, epsilon: 1e-6, activation })[0],
            [tf.add(tensor(shape, 1), 3), tensor([channels], 2), tensor([channels], 3)],
          ),
      });
    }
  }
  for (const [first, second] of [
    [false, false],
    [false, true],
    [true, false],
    [true, true],
  ]) {
    cases.push({
      name: `matMul, transposed ${first}, ${second}`,
      run: () =>
        withGradients(
          (a, b) => tf.matMul(a, b, first, second),
          [tensor(first ? [3, 50, 40] : [3, 40, 50], 1), tensor(second ? [3, 60, 50] : [3, 50, 60], 2)],
        ),
    });
  }
  const single = (name, f, shape) => cases.push({ name, run: () => withGradients(f, [tensor(shape, 1)]) });
  single('softmax', (x) => tf.softmax(x), [2, 3, 7]);
  single('logSoftmax', (x) => tf.logSoftmax(x), [4, 7]);
  single('maxPool', (x) => tf.maxPool(x, 2, 2, 'valid'), [2, 4, 6, 3]);
  single('avgPool', (x) => tf.avgPool(x, 2, 2, 'valid'), [2, 4, 6, 3]);
  single('l2 norm', (x) => tf.div(x, tf.sqrt(tf.sum(tf.square(x), 1, true))), [6, 32]);
  single('gather', (x) => tf.gather(x, tf.tensor1d([0, 2, 2, 1], 'int32')), [4, 3]);
  single(
    'slice and pad',
    (x) =>
      tf.pad(tf.slice(x, [0, 1, 0, 1], [2, 2, 3, 1]), [
        [0, 0],
        [1, 1],
        [0, 2],
        [0, 0],
      ]),
    [2, 4, 5, 3],
  );
  single('concat and transpose', (x) => tf.transpose(tf.concat([x, tf.relu(x)], 3), [0, 3, 1, 2]), [2, 4, 5, 3]);
  single('log1p of exp', (x) => tf.log1p(tf.exp(tf.neg(tf.abs(x)))), [4, 7]);
  return cases;
}

/** Runs the cases on the backend that is set. @returns for each case, its tensors' numbers. */
export async function runCases(tf, cases) {
  const results = [];
  for (const { name, run } of cases) {
    const tensors = tf.tidy(run);
    try {
      results.push(await Promise.all(tensors.map((tensor) => tensor.data())));
    } catch (error) {
      throw new Error(`${name}: ${error.message}`);
    } finally {
      tf.dispose(tensors);
    }
  }
  return results;
}

/** The largest difference of each case, in parts of the largest value of each tensor. */
export function differences(results, wanted) {
  return results.map((tensors, index) =>
    Math.max(
      ...tensors.map((values, which) => {
        const right = wanted[index][which];
        if (values.length !== right.length) return Infinity;
        let [error, largest] = [0, 1e-3];
        values.forEach((value, i) => {
          error = Math.max(error, Number.isFinite(value) ? Math.abs(value - right[i]) : Infinity);
          largest = Math.max(largest, Math.abs(right[i]));
        });
        return error / largest;
      }),
    ),
  );
}
