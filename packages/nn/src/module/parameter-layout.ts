import { fail } from '@lipsync/contracts';

/**
 * How PyTorch's axes map to ours: `conv` `[out, in, …]` to `[…, in, out]` with one to three axes of space and time,
 * `linear` `[out, in]` to `[in, out]`, `same` unchanged.
 */
export type ParameterLayout = 'same' | 'conv' | 'linear';

type Values = Float32Array | Int32Array;

function checkAxes(shape: readonly number[], layout: 'conv' | 'linear'): void {
  const ok = layout === 'linear' ? shape.length === 2 : shape.length >= 3 && shape.length <= 5;
  if (!ok)
    fail(TypeError, 'parameterLayout', 'shape', layout === 'linear' ? 'of 2 axes' : 'of 3 to 5 axes', [...shape]);
}

/** Axis order that turns PyTorch's shape into ours. */
function fromTorch(shape: readonly number[], layout: 'conv' | 'linear'): number[] {
  checkAxes(shape, layout);
  return [...shape.keys()].slice(2).concat(1, 0);
}

/** Axis order that turns our shape into PyTorch's. */
function toTorch(shape: readonly number[], layout: 'conv' | 'linear'): number[] {
  checkAxes(shape, layout);
  const last = shape.length - 1;
  return [last, last - 1, ...[...shape.keys()].slice(0, -2)];
}

/** Copies `data [shape]` into the axis order `order`, at most five axes, result written in sequence. */
function permute<A extends Values>(data: A, shape: readonly number[], order: readonly number[]): A {
  const strides = shape.map((_, axis) => shape.slice(axis + 1).reduce((size, side) => size * side, 1));
  const sides = order.map((axis) => shape[axis]);
  const steps = order.map((axis) => strides[axis]);
  while (sides.length < 5) {
    sides.unshift(1);
    steps.unshift(0);
  }
  const result = new (data.constructor as new (length: number) => A)(data.length);
  let target = 0;
  for (let i = 0; i < sides[0]; i++) {
    for (let j = 0; j < sides[1]; j++) {
      for (let k = 0; k < sides[2]; k++) {
        for (let l = 0; l < sides[3]; l++) {
          let source = i * steps[0] + j * steps[1] + k * steps[2] + l * steps[3];
          for (let m = 0; m < sides[4]; m++, source += steps[4]) result[target++] = data[source];
        }
      }
    }
  }
  return result;
}

/** A parameter's shape in PyTorch's state dict. */
export function torchShape(shape: readonly number[], layout: ParameterLayout): number[] {
  return layout === 'same' ? [...shape] : toTorch(shape, layout).map((axis) => shape[axis]);
}

/**
 * A parameter's values in PyTorch's axis order.
 *
 * @param data values in our order.
 * @param shape our shape.
 * @returns a new array, or `data` itself for the layout `same`.
 * @example
 * toTorchLayout(Float32Array.of(1, 2, 3, 4), [2, 2], 'linear'); // Float32Array [1, 3, 2, 4]
 */
export function toTorchLayout<A extends Values>(data: A, shape: readonly number[], layout: ParameterLayout): A {
  return layout === 'same' ? data : permute(data, shape, toTorch(shape, layout));
}

/**
 * A parameter's values in our axis order.
 *
 * @param data values in PyTorch's order.
 * @param shape PyTorch's shape.
 * @returns a new array, or `data` itself for the layout `same`.
 */
export function fromTorchLayout<A extends Values>(data: A, shape: readonly number[], layout: ParameterLayout): A {
  return layout === 'same' ? data : permute(data, shape, fromTorch(shape, layout));
}
