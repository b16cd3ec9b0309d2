import { describe, expect, test } from 'vitest';
import { fromTorchLayout, torchShape, toTorchLayout } from './parameter-layout';

const count = (size: number) => Float32Array.from({ length: size }, (_, i) => i);

describe('parameter layouts', () => {
  test('conv moves [out, in, height, width] to [height, width, in, out] value by value', () => {
    const [outs, ins, height, width] = [2, 3, 4, 5];
    const torch = count(outs * ins * height * width);
    const ours = fromTorchLayout(torch, [outs, ins, height, width], 'conv');
    for (let o = 0; o < outs; o++) {
      for (let i = 0; i < ins; i++) {
        for (let y = 0; y < height; y++) {
          for (let x = 0; x < width; x++) {
            expect(ours[((y * width + x) * ins + i) * outs + o]).toBe(torch[((o * ins + i) * height + y) * width + x]);
          }
        }
      }
    }
  });

  test('conv moves the axes of one and of three dimensions likewise', () => {
    const one = fromTorchLayout(count(24), [2, 3, 4], 'conv'); // [out, in, steps] to [steps, in, out]
    expect(one[(1 * 3 + 2) * 2 + 1]).toBe((1 * 3 + 2) * 4 + 1);
    const [outs, ins, times, height, width] = [2, 3, 2, 3, 2];
    const three = fromTorchLayout(count(72), [outs, ins, times, height, width], 'conv');
    for (let t = 0; t < times; t++) {
      for (let x = 0; x < width; x++) {
        expect(three[(((t * height + 1) * width + x) * ins + 2) * outs + 1]).toBe(
          (((1 * ins + 2) * times + t) * height + 1) * width + x,
        );
      }
    }
  });

  test('linear is the transpose', () => {
    expect([...fromTorchLayout(count(6), [2, 3], 'linear')]).toEqual([0, 3, 1, 4, 2, 5]);
  });

  test.each([
    ['conv', [3, 2, 5, 4]],
    ['conv', [3, 5, 4]],
    ['conv', [3, 2, 2, 5, 4]],
    ['linear', [5, 4]],
    ['same', [7]],
    ['same', []],
  ] as const)('%s there and back gives the same numbers and shape', (layout, ourShape) => {
    const ours = count(ourShape.reduce<number>((size, side) => size * side, 1));
    const shape = torchShape(ourShape, layout);
    const torch = toTorchLayout(ours, ourShape, layout);
    expect(fromTorchLayout(torch, shape, layout)).toEqual(ours);
    if (layout === 'conv') expect(shape).toEqual([4, 5, ...ourShape.slice(0, -2)]);
  });

  test('returns the array itself where nothing moves, and keeps its type where something does', () => {
    const data = count(4);
    expect(toTorchLayout(data, [4], 'same')).toBe(data);
    expect(toTorchLayout(Int32Array.of(1, 2), [1, 2], 'linear')).toBeInstanceOf(Int32Array);
  });

  test('refuses another number of axes', () => {
    expect(() => torchShape([2, 3], 'conv')).toThrow('parameterLayout: shape must be of 3 to 5 axes, got [2, 3]');
  });
});
