import { openByteSource } from '@lipsync/checkpoints';
import { expect, test } from 'vitest';
import { type ProtobufField, ProtobufMessage, protobufFields } from './protobuf';

const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex');
async function fieldsOf(bytes: Uint8Array): Promise<ProtobufField[]> {
  const fields: ProtobufField[] = [];
  for await (const field of protobufFields(await openByteSource(bytes))) fields.push(field);
  return fields;
}

// The examples of the encoding chapter of the Protocol Buffers documentation.
test.each([
  ['an integer', new ProtobufMessage().integer(1, 150), '089601'],
  ['a text', new ProtobufMessage().text(2, 'testing'), '120774657374696e67'],
  ['a message', new ProtobufMessage().message(3, new ProtobufMessage().integer(1, 150)), '1a03089601'],
  ['a negative integer', new ProtobufMessage().integer(1, -2), '08feffffffffffffffff01'],
  ['a float', new ProtobufMessage().float(2, 1), '150000803f'],
  ['a field beyond 15', new ProtobufMessage().integer(20, 7), 'a00107'],
])('ProtobufMessage writes %s as the documentation does', (_, message, bytes) => {
  expect(hex(message.toBytes())).toBe(bytes);
  expect(message.length).toBe(bytes.length / 2);
});

test('ProtobufMessage keeps bytes uncopied, as chunks', () => {
  const data = new Uint8Array(1000);
  const pieces = new ProtobufMessage().message(7, new ProtobufMessage().bytes(9, data)).pieces();
  expect(pieces.some((piece) => piece === data)).toBe(true);
});

test('protobufFields finds the fields and skips large values', async () => {
  const bytes = new ProtobufMessage()
    .integer(1, 2 ** 40 + 5)
    .text(14, 'abc')
    .float(3, 0.5)
    .bytes(7, new Uint8Array(300))
    .integer(9, 1)
    .toBytes();
  const fields = await fieldsOf(bytes);
  expect(fields.map(({ field, wire, length, value }) => [field, wire, length, value])).toEqual([
    [1, 'varint', 0, 2 ** 40 + 5],
    [14, 'bytes', 3, undefined],
    [3, 'fixed32', 4, undefined],
    [7, 'bytes', 300, undefined],
    [9, 'varint', 0, 1],
  ]);
  expect(Buffer.from(bytes.subarray(fields[1].offset, fields[1].offset + 3)).toString()).toBe('abc');
});

test.each([
  ['that is cut short', '1205616263', 'a field of 5 bytes at byte 2 of 5'],
  ['without an end', 'ffffffffffffffffffff', 'a number without an end at byte 0'],
  ['of no kind', '0b', 'the key 11 before byte 1'],
  ['of field 0', '0000', 'the key 0 before byte 1'],
])('protobufFields refuses a message %s', async (_, bytes, got) => {
  await expect(fieldsOf(Buffer.from(bytes, 'hex'))).rejects.toThrow(
    `protobufFields: bytes must be a protobuf message, got ${got}`,
  );
});
