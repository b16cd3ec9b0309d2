import { fail } from '@lipsync/contracts';

/**
 * How PyTorch's axes map to ours: `conv` `[out, in, height, width]` to `[height, width, in, out]`, `linear` `[out, in]` to
 * `[in, out]`, `same` unchanged.
 */
export type ParameterLayout = 'same' | 'conv' | 'linear';

/** Axis order that turns PyTorch's shape into ours. */
const FROM_TORCH = { conv: [2, 3, 1, 0], linear: [1, 0] } as const;
/** Axis order that turns our shape into PyTorch's. */
const TO_TORCH = { conv: [3, 2, 0, 1], linear: [1, 0] } as const;

type Numbers = Float32Array | Int32Array;

function permuteShape(shape: readonly number[], order: readonly number[]): number[] {
  if (shape.length !== order.length) {
    fail(TypeError, 'parameterLayout', 'shape', `of ${order.length} axes`, [...shape]);
  }
  return order.map((axis) => shape[axis]);
}

/** Copies `data [shape]` into the axis order `order`, at most four axes, result written in sequence. */
function permute<A extends Numbers>(data: A, shape: readonly number[], order: readonly number[]): A {
  const strides = shape.map((_, axis) => shape.slice(axis + 1).reduce((size, side) => size * side, 1));
  const sides = order.map((axis) => shape[axis]);
  const steps = order.map((axis) => strides[axis]);
  while (sides.length < 4) {
    sides.unshift(1);
    steps.unshift(0);
  }
  const result = new (data.constructor as new (length: number) => A)(data.length);
  let target = 0;
  for (let i = 0; i < sides[0]; i++) {
    for (let j = 0; j < sides[1]; j++) {
      for (let k = 0; k < sides[2]; k++) {
        let source = i * steps[0] + j * steps[1] + k * steps[2];
        for (let l = 0; l < sides[3]; l++, source += steps[3]) result[target++] = data[source];
      }
    }
  }
  return result;
}

/** The shape that PyTorch's state dict gives a parameter of ours. */
export function torchShape(shape: readonly number[], layout: ParameterLayout): number[] {
  return layout === 'same' ? [...shape] : permuteShape(shape, TO_TORCH[layout]);
}

/**
 * A parameter's numbers in PyTorch's axis order.
 *
 * @param data our order, `shape` being our shape.
 * @returns a new array, or `data` itself where nothing moves.
 */
export function toTorchLayout<A extends Numbers>(data: A, shape: readonly number[], layout: ParameterLayout): A {
  return layout === 'same' ? data : permute(data, shape, TO_TORCH[layout]);
}

/**
 * A parameter's numbers in our axis order.
 *
 * @param data PyTorch's order, `shape` being PyTorch's shape.
 * @returns a new array, or `data` itself where nothing moves.
 */
export function fromTorchLayout<A extends Numbers>(data: A, shape: readonly number[], layout: ParameterLayout): A {
  return layout === 'same' ? data : permute(data, shape, FROM_TORCH[layout]);
}
