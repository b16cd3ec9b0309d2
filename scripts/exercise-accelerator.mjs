/** Calls every native kernel over many sizes, odd ones among them, without a test runner: what runs under Valgrind. */
const { openAccelerator } = await import(new URL('../packages/accelerator-onednn/dist/index.js', import.meta.url).href);
const opened = openAccelerator({ threads: 2 });
if (!opened.kernels) throw new Error(opened.reason);
const { kernels } = opened;

const heap = new Float32Array(1 << 18);
for (let i = 0; i < heap.length; i++) heap[i] = Math.fround(Math.sin(i * 12.9898) * 0.5);
let calls = 0;
/** Tensors of the given counts, one behind the other and the last one flush with the heap's end. */
function place(...counts) {
  let end = heap.length;
  const places = [];
  for (const count of counts.toReversed()) places.unshift((end -= count) * 4);
  if (end < 1) throw new Error('exercise-accelerator: tensors must fit the heap');
  calls++;
  return places;
}
for (const [batch, size, inside, out, filter, stride, pad] of [
  [1, 5, 1, 1, 3, 1, 1],
  [2, 8, 3, 5, 3, 2, 0],
  [3, 9, 30, 32, 3, 1, 1],
  [2, 12, 32, 32, 3, 4, 0],
  [1, 7, 16, 24, 1, 1, 0],
  [2, 6, 8, 8, 5, 1, 2],
]) {
  const after = Math.floor((size + 2 * pad - filter) / stride) + 1;
  const far = (after - 1) * stride + filter - size - pad;
  const [x, w, y, b] = place(
    batch * size * size * inside,
    filter * filter * inside * out,
    batch * after * after * out,
    out,
  );
  for (const direction of [0, 1, 2]) {
    kernels.convolution(
      direction,
      heap,
      batch,
      size,
      size,
      inside,
      after,
      after,
      out,
      filter,
      filter,
      stride,
      stride,
      pad,
      pad,
      far,
      far,
      x,
      w,
      y,
      direction ? 0 : b,
    );
  }
}
for (const [batchA, batchB, rows, inner, columns] of [
  [1, 1, 1, 1, 1],
  [5, 5, 7, 3, 9],
  [4, 1, 16, 33, 8],
  [1, 3, 2, 5, 4],
]) {
  const places = place(batchA * rows * inner, batchB * inner * columns, Math.max(batchA, batchB) * rows * columns);
  for (const [ta, tb] of [
    [0, 0],
    [0, 1],
    [1, 0],
    [1, 1],
  ])
    kernels.matMul(heap, batchA, batchB, rows, inner, columns, ta, tb, ...places);
}
for (const [batch, positions, channels, groups] of [
  [1, 1, 1, 1],
  [3, 7, 12, 4],
  [2, 130, 33, 11],
  [1, 64, 256, 32],
]) {
  const count = batch * positions * channels;
  for (const silu of [0, 1]) {
    const [x, gamma, beta, y, statistics, dx, dgamma, dbeta] = place(
      count,
      channels,
      channels,
      count,
      2 * batch * groups,
      count,
      channels,
      channels,
    );
    kernels.groupNorm(heap, batch, positions, channels, groups, 1e-5, silu, x, gamma, beta, y, statistics);
    kernels.groupNormGradient(
      heap,
      batch,
      positions,
      channels,
      groups,
      silu,
      x,
      gamma,
      beta,
      statistics,
      y,
      dx,
      dgamma,
      dbeta,
    );
  }
}
for (const count of [0, 1, 15, 17, 33_000]) {
  kernels.add(heap, count, ...place(count, count, count));
  kernels.square(heap, count, ...place(count, count));
  kernels.relu(heap, count, ...place(count, count));
  kernels.sumOfSquares(heap, count, ...place(count, 1));
  kernels.adamW(heap, count, 0.9, 0.99, 1e-8, 1e-3, 0.99, ...place(...new Array(7).fill(count)));
}
for (const [rows, columns] of [
  [1, 1],
  [67, 5],
  [3000, 16],
  [2, 4000],
]) {
  kernels.addRow(heap, rows, columns, ...place(rows * columns, columns, rows * columns));
  kernels.columnSums(heap, rows, columns, ...place(rows * columns, columns));
}
console.log(`exercise-accelerator: ${calls} groups of calls done`);
