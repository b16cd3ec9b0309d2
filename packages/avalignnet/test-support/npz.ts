import { readFileSync } from 'node:fs';
import { inflateRawSync } from 'node:zlib';

/** The float32 arrays of a NumPy .npz file, C order. */
export function readNpz(path: string): Map<string, { shape: number[]; data: Float32Array }> {
  const file = readFileSync(path);
  const arrays = new Map<string, { shape: number[]; data: Float32Array }>();
  const end = file.lastIndexOf(Buffer.from('PK\x05\x06', 'latin1'));
  let entry = file.readUInt32LE(end + 16);
  for (let left = file.readUInt16LE(end + 10); left > 0; left--) {
    const [method, size] = [file.readUInt16LE(entry + 10), file.readUInt32LE(entry + 20)];
    const [nameLength, extra, comment] = [28, 30, 32].map((at) => file.readUInt16LE(entry + at));
    const name = file.toString('utf8', entry + 46, entry + 46 + nameLength);
    const local = file.readUInt32LE(entry + 42);
    const start = local + 30 + file.readUInt16LE(local + 26) + file.readUInt16LE(local + 28);
    const raw = file.subarray(start, start + size);
    arrays.set(name.replace(/\.npy$/, ''), readNpy(method === 0 ? raw : inflateRawSync(raw)));
    entry += 46 + nameLength + extra + comment;
  }
  return arrays;
}

function readNpy(bytes: Buffer): { shape: number[]; data: Float32Array } {
  const headerStart = bytes[6] === 1 ? 10 : 12;
  const headerLength = bytes[6] === 1 ? bytes.readUInt16LE(8) : bytes.readUInt32LE(8);
  const header = bytes.toString('latin1', headerStart, headerStart + headerLength);
  if (!header.includes("'<f4'") || !header.includes("'fortran_order': False")) throw new Error(`npy header ${header}`);
  const shape = (/'shape': \(([^)]*)\)/.exec(header)?.[1] ?? '').split(',').filter((side) => side.trim()).map(Number);
  const body = Uint8Array.from(bytes.subarray(headerStart + headerLength));
  return { shape, data: new Float32Array(body.buffer) };
}
