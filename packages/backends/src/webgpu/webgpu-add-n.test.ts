import type { TensorInfo } from '@tensorflow/tfjs-core';
import { expect, test } from 'vitest';
import { info, recordingBackend } from '../testing/webgpu';
import { webgpuAddN } from './webgpu-add-n';

test.each([1, 7, 8, 13, 14, 156])(
  '%d tensors are added, each once, seven at a time, and partial sums are freed',
  (count) => {
    const backend = recordingBackend();
    const contents = new Map<object, number[]>();
    const widths: number[] = [];
    const stock = ({ inputs }: { inputs: TensorInfo[] }) => {
      widths.push(inputs.length);
      const out = info(1);
      contents.set(
        out.dataId,
        inputs.flatMap(({ dataId }) => contents.get(dataId)!),
      );
      backend.alive.add(out.dataId);
      return out;
    };
    const inputs = Array.from({ length: count }, (_, i) => {
      const term = info(1);
      contents.set(term.dataId, [i]);
      return term;
    });
    const sum = webgpuAddN(stock)({ inputs, backend, attrs: {} });
    expect(contents.get(sum.dataId)).toEqual(Array.from({ length: count }, (_, i) => i));
    expect(Math.max(...widths)).toBeLessThanOrEqual(7);
    expect([...backend.alive]).toEqual([sum.dataId]);
  },
);
