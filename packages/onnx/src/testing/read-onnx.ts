import { type ByteSource, openByteSource, toFloat32 } from '@lipsync/checkpoints';
import type { OnnxAttribute, OnnxModel, OnnxNode } from '../format/onnx-model';
import { type ProtobufField, protobufFields } from '../format/protobuf';

/** Fields of a message by number, in order. */
type Message = { all(field: number): ProtobufField[]; text(field: number): string };

/** A model, with weights as float32, from the bytes of its file, by the field numbers of onnx.proto. */
export async function readOnnx(bytes: Uint8Array): Promise<OnnxModel> {
  const source = await openByteSource(bytes);
  const open = async ({ offset, length }: Pick<ProtobufField, 'offset' | 'length'>): Promise<Message> => {
    const fields: ProtobufField[] = [];
    for await (const field of protobufFields(source, offset, length)) fields.push(field);
    const all = (number: number) => fields.filter(({ field }) => field === number);
    return { all, text: (number) => all(number).map((at) => textAt(bytes, at))[0] ?? '' };
  };
  const file = await open({ offset: 0, length: bytes.length });
  const graph = await open(file.all(7)[0]);
  const messages = (field: number) => Promise.all(graph.all(field).map(open));
  return {
    name: graph.text(2),
    nodes: await Promise.all((await messages(1)).map((node) => nodeOf(source, node, open))),
    initializers: (await messages(5)).map((tensor) => {
      const [{ offset, length }] = tensor.all(9);
      const data = bytes.slice(offset, offset + length).buffer;
      const shape = tensor.all(1).map(({ value }) => value as number);
      return { name: tensor.text(8), shape, data: numbersOf(tensor.all(2)[0].value, shape, data) };
    }),
    inputs: (await messages(11)).map((value) => ({ name: value.text(1), shape: [] })),
    outputs: (await messages(12)).map((value) => ({ name: value.text(1), shape: [] })),
    metadata: {},
  };

  async function nodeOf(from: ByteSource, node: Message, read: typeof open): Promise<OnnxNode> {
    const attributes: Record<string, OnnxAttribute> = {};
    for (const field of node.all(5)) {
      const attribute = await read(field);
      const kind = attribute.all(20)[0].value;
      const integers = (number: number) => attribute.all(number).map(({ value }) => BigInt.asIntN(64, BigInt(value!)));
      const float = async () => {
        const { offset, length } = attribute.all(2)[0];
        const value = await from.read(offset, length);
        return new DataView(value.buffer, value.byteOffset).getFloat32(0, true);
      };
      attributes[attribute.text(1)] = kind === 1 ? await float() : kind === 2 ? integers(3)[0] : integers(8);
    }
    const names = (field: number) => node.all(field).map((at) => textAt(bytes, at));
    return { operator: node.text(4), inputs: names(1), outputs: names(2), attributes };
  }
}

function textAt(bytes: Uint8Array, { offset, length }: ProtobufField): string {
  return new TextDecoder().decode(bytes.subarray(offset, offset + length));
}

/** The numbers of an initializer by the types of onnx.proto: float32, float16, which is widened, or int64. */
function numbersOf(type: number | undefined, shape: number[], data: ArrayBuffer): Float32Array | BigInt64Array {
  if (type === 1) return new Float32Array(data);
  if (type === 10) return toFloat32({ dtype: 'float16', shape, data: new Uint16Array(data) });
  return new BigInt64Array(data);
}
