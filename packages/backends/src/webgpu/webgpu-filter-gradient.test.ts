import { expect, test, vi } from 'vitest';
import { info, recordingBackend } from '../testing/webgpu';
import { convolutionGeometry } from '../wasm/convolution/conv2d-geometry';
import { planFilterGradient, webgpuFilterGradient } from './webgpu-filter-gradient';

const attributes = (filterShape: number[], strides: [number, number] = [1, 1]) => ({
  filterShape,
  strides,
  pad: 'same' as const,
});
const plan = (x: number[], filter: number[]) =>
  planFilterGradient(convolutionGeometry('test', x, filter, attributes(filter)))!;

test.each([
  [
    [72, 24, 24, 64],
    [3, 3, 64, 64],
  ],
  [
    [72, 48, 48, 30],
    [3, 3, 30, 32],
  ],
  [
    [72, 3, 3, 256],
    [3, 3, 256, 256],
  ],
  [
    [8, 80, 32, 1],
    [3, 3, 1, 32],
  ],
  [
    [3, 9, 9, 30],
    [3, 3, 30, 70],
  ],
  [
    [1, 64, 64, 16],
    [1, 1, 16, 512],
  ],
])('the tiles and parts of x %j with filter %j cover everything once', (x, filter) => {
  const { rows, columns, positions, rowQuads, columnQuads, rowTiles, columnTiles, splits, steps } = plan(x, filter);
  expect([rows, columns, positions]).toEqual([filter[0] * filter[1] * filter[2], filter[3], x[0] * x[1] * x[2]]);
  expect(rowQuads * columnQuads).toBeLessThanOrEqual(256);
  const covers = (count: number, tiles: number, size: number) => tiles * size >= count && (tiles - 1) * size < count;
  expect(covers(rows, rowTiles, 4 * rowQuads) && covers(columns, columnTiles, 4 * columnQuads)).toBe(true);
  expect(covers(positions, splits, 16 * steps)).toBe(true);
  expect(splits * rows * columns).toBeLessThanOrEqual(1 << 24);
});

test('a filter of few tiles gets hundreds of workgroups', () => {
  const { rowTiles, columnTiles, splits } = plan([72, 24, 24, 64], [3, 3, 64, 64]);
  expect(rowTiles * columnTiles).toBe(9);
  expect(9 * splits).toBeGreaterThan(400);
});

test('small filter gradients, and NCHW, are left to the stock kernel', () => {
  const answer = info(1);
  const stock = vi.fn(() => answer);
  const kernel = webgpuFilterGradient(stock);
  const small = {
    inputs: { x: info(2, 4, 4, 3), dy: info(2, 4, 4, 4) },
    backend: recordingBackend(),
    attrs: attributes([3, 3, 3, 4]),
  };
  expect(kernel(small)).toBe(answer);
  const other = {
    inputs: { x: info(8, 32, 16, 16), dy: info(8, 32, 16, 16) },
    backend: recordingBackend(),
    attrs: { ...attributes([3, 3, 32, 32]), dataFormat: 'NCHW' as const },
  };
  expect(kernel(other)).toBe(answer);
  expect(stock.mock.calls).toEqual([[small], [other]]);
});

test('a split gradient runs two programs and frees the parts', () => {
  const backend = recordingBackend();
  const kernel = webgpuFilterGradient(vi.fn());
  const out = kernel({
    inputs: { x: info(8, 16, 16, 32), dy: info(8, 16, 16, 32) },
    backend,
    attrs: attributes([3, 3, 32, 32]),
  });
  expect(out.shape).toEqual([3, 3, 32, 32]);
  const [multiply, sum] = backend.calls;
  expect(backend.calls).toHaveLength(2);
  expect(multiply.program.outputShape).toEqual([multiply.uniforms.splits * 288 * 32]);
  expect(sum.uniforms).toEqual({ count: 288 * 32, splits: multiply.uniforms.splits });
  expect([...backend.alive]).toEqual([out.dataId]);
});

test('channels that are not a multiple of four are read one by one', () => {
  const code = (inChannels: number, outChannels: number) => {
    const backend = recordingBackend();
    const inputs = { x: info(8, 16, 16, inChannels), dy: info(8, 16, 16, outChannels) };
    webgpuFilterGradient(vi.fn())({ inputs, backend, attrs: attributes([3, 3, inChannels, outChannels]) });
    return backend.calls[0].program.variableComponents;
  };
  expect([code(32, 32), code(30, 32), code(32, 30), code(30, 30)]).toEqual([
    [4, 4],
    [1, 4],
    [4, 1],
    [1, 1],
  ]);
});
