import { readFileSync } from 'node:fs';
import { inflateRawSync } from 'node:zlib';

export type NpyArray = { shape: number[]; data: Float32Array | Uint8Array };

/** Reads the arrays of a numpy `.npz` file (stored or deflated; float32 and uint8, C order) by their names. */
export function readNpz(path: string): Map<string, NpyArray> {
  const file = readFileSync(path);
  const arrays = new Map<string, NpyArray>();
  const end = file.lastIndexOf(Uint8Array.of(0x50, 0x4b, 5, 6));
  let at = file.readUInt32LE(end + 16);
  for (let i = 0; i < file.readUInt16LE(end + 10); i++) {
    const method = file.readUInt16LE(at + 10);
    const packed = file.readUInt32LE(at + 20);
    const nameLength = file.readUInt16LE(at + 28);
    const name = file.toString('utf8', at + 46, at + 46 + nameLength);
    const local = file.readUInt32LE(at + 42);
    const start = local + 30 + file.readUInt16LE(local + 26) + file.readUInt16LE(local + 28);
    const body = file.subarray(start, start + packed);
    arrays.set(name.replace(/\.npy$/, ''), parseNpy(method === 8 ? inflateRawSync(body) : body));
    at += 46 + nameLength + file.readUInt16LE(at + 30) + file.readUInt16LE(at + 32);
  }
  return arrays;
}

function parseNpy(bytes: Buffer): NpyArray {
  const start = bytes[6] === 1 ? 10 + bytes.readUInt16LE(8) : 12 + bytes.readUInt32LE(8);
  const header = bytes.toString('latin1', 8, start);
  const type = /'descr': '([^']+)'/.exec(header)![1];
  const shape = /'shape': \(([^)]*)\)/.exec(header)![1].split(',').filter((size) => size.trim()).map(Number);
  const body = new Uint8Array(bytes.subarray(start));
  if (type === '|u1') return { shape, data: body };
  if (type === '<f4') return { shape, data: new Float32Array(body.buffer) };
  throw new Error(`readNpz: an array must be float32 or uint8, got ${type}`);
}
