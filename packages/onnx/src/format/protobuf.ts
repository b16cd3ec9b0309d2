import type { ByteSource } from '@lipsync/checkpoints';
import { fail } from '@lipsync/contracts';

/** Wire type of a field: `varint` an integer, `bytes` a length and as many bytes, the others fixed widths. */
export type WireType = 'varint' | 'fixed64' | 'bytes' | 'fixed32';

const WIRE: Record<WireType, number> = { varint: 0, fixed64: 1, bytes: 2, fixed32: 5 };

/** An integer in groups of seven bits, the lowest first; negative ones as 64-bit two's complement. */
function varint(value: number | bigint): Uint8Array {
  let rest = BigInt.asUintN(64, BigInt(value));
  const bytes: number[] = [];
  do {
    const low = Number(rest & 0x7fn);
    rest >>= 7n;
    bytes.push(rest > 0n ? low | 0x80 : low);
  } while (rest > 0n);
  return Uint8Array.from(bytes);
}

/**
 * A protobuf message under construction. Given bytes are kept, not copied, so that large tensors cost no memory before
 * the file is written.
 *
 * Source: the encoding chapter of the Protocol Buffers documentation; only what ONNX's schema needs.
 *
 * @example
 * new ProtobufMessage().integer(1, 150).toBytes(); // 08 96 01
 */
export class ProtobufMessage {
  readonly #parts: Uint8Array[] = [];
  /** Bytes so far. */
  length = 0;

  /** int32, int64, bool and enum fields. */
  integer(field: number, value: number | bigint): this {
    return this.#key(field, 'varint').#push(varint(value));
  }

  /** float fields. */
  float(field: number, value: number): this {
    const bytes = new Uint8Array(4);
    new DataView(bytes.buffer).setFloat32(0, value, true);
    return this.#key(field, 'fixed32').#push(bytes);
  }

  text(field: number, value: string): this {
    return this.bytes(field, new TextEncoder().encode(value));
  }

  bytes(field: number, value: Uint8Array): this {
    return this.#key(field, 'bytes').#push(varint(value.length)).#push(value);
  }

  /** A message within this one; it must be complete. */
  message(field: number, value: ProtobufMessage): this {
    this.#key(field, 'bytes').#push(varint(value.length));
    for (const part of value.#parts) this.#push(part);
    return this;
  }

  /** The message as chunks, in order. */
  pieces(): Uint8Array[] {
    return [...this.#parts];
  }

  toBytes(): Uint8Array {
    const bytes = new Uint8Array(this.length);
    let offset = 0;
    for (const part of this.#parts) {
      bytes.set(part, offset);
      offset += part.length;
    }
    return bytes;
  }

  #key(field: number, wire: WireType): this {
    return this.#push(varint((field << 3) | WIRE[wire]));
  }

  #push(part: Uint8Array): this {
    this.#parts.push(part);
    this.length += part.length;
    return this;
  }
}

/** One field of a message: of `bytes` fields where the value lies, of `varint` fields the value. */
export type ProtobufField = { field: number; wire: WireType; offset: number; length: number; value?: number };

/**
 * The fields of the message that lies in `[offset, offset + length)` of a source, in order; values of `bytes` fields
 * are skipped, not read.
 *
 * @throws Error where the bytes are no message.
 */
export async function* protobufFields(
  source: ByteSource,
  offset = 0,
  length = source.size - offset,
): AsyncGenerator<ProtobufField> {
  const end = offset + length;
  const broken = (what: string): never => fail(Error, 'protobufFields', source.name, 'a protobuf message', what);
  let at = offset;
  const number = async (): Promise<number> => {
    const bytes = await source.read(at, Math.min(10, end - at));
    let value = 0;
    for (let i = 0; i < bytes.length; i++) {
      value += (bytes[i] & 0x7f) * 2 ** (7 * i);
      if (bytes[i] < 0x80) {
        at += i + 1;
        return value;
      }
    }
    return broken(`a number without an end at byte ${at}`);
  };
  while (at < end) {
    const key = await number();
    const field = Math.floor(key / 8);
    const wire = (Object.keys(WIRE) as WireType[]).find((name) => WIRE[name] === key % 8);
    if (field === 0 || wire === undefined) broken(`the key ${key} before byte ${at}`);
    const value = wire === 'varint' || wire === 'bytes' ? await number() : undefined;
    const size = wire === 'bytes' ? (value as number) : wire === 'fixed32' ? 4 : wire === 'fixed64' ? 8 : 0;
    if (at + size > end) broken(`a field of ${size} bytes at byte ${at} of ${end}`);
    yield { field, wire: wire as WireType, offset: at, length: size, ...(wire === 'varint' ? { value } : {}) };
    at += size;
  }
}
