import { createHash } from 'node:crypto';

/** Uniform in [-1, 1): the same values as `noise` in reference/avalignnet-reference.py. */
export function noise(seed: number, count: number): Float64Array {
  const values = new Float64Array(count);
  const start = Math.imul(seed, 0x85ebca6b);
  for (let index = 0; index < count; index++) {
    let x = (Math.imul(index, 0x9e3779b1) + start) | 0;
    x = Math.imul(x ^ (x >>> 16), 0x85ebca6b);
    x = Math.imul(x ^ (x >>> 13), 0xc2b2ae35);
    values[index] = ((x ^ (x >>> 16)) >>> 0) / 2 ** 31 - 1;
  }
  return values;
}

/** The same weights as `hashed_weights` in the reference: PyTorch's layout, by sorted name. */
export function hashedWeights(shapes: Map<string, number[]>): Map<string, { shape: number[]; data: Float32Array }> {
  const weights = new Map<string, { shape: number[]; data: Float32Array }>();
  [...shapes.keys()].sort().forEach((name, index) => {
    const shape = shapes.get(name) as number[];
    const count = shape.reduce((product, side) => product * side, 1);
    const kernelScale = Math.sqrt(3 / (count / shape[0]));
    const data = Float32Array.from(noise(1000 + index, count), (value) => {
      if (shape.length > 1) return value * kernelScale;
      return name.endsWith('.weight') ? 1 + 0.25 * value : 0.1 * value;
    });
    weights.set(name, { shape, data });
  });
  return weights;
}

/** A safetensors file, byte for byte as the reference program writes it; independent of our own writer. */
export function safetensorsFile(
  tensors: Map<string, { shape: number[]; data: Float32Array }>,
  metadata: Record<string, string>,
): Uint8Array {
  const names = [...tensors.keys()].sort();
  const header: Record<string, unknown> = { __metadata__: metadata };
  let offset = 0;
  for (const name of names) {
    const { shape, data } = tensors.get(name) as { shape: number[]; data: Float32Array };
    header[name] = { dtype: 'F32', shape, data_offsets: [offset, (offset += data.byteLength)] };
  }
  const text = Buffer.from(JSON.stringify(header));
  const padded = Buffer.concat([text, Buffer.alloc((8 - (text.length % 8)) % 8, ' ')]);
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(padded.length));
  const bodies = names.map((name) => {
    const { data } = tensors.get(name) as { data: Float32Array };
    return Buffer.from(data.buffer, data.byteOffset, data.byteLength);
  });
  return new Uint8Array(Buffer.concat([length, padded, ...bodies]));
}

export function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}
