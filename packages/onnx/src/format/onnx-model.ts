import { toFloat16, toFloat32 } from '@lipsync/checkpoints';
import { fail } from '@lipsync/contracts';
import { ProtobufMessage } from './protobuf';

/** An attribute of a node: an integer as bigint, a float as number, a string, or integers. */
export type OnnxAttribute = bigint | number | string | readonly bigint[];

export type OnnxNode = {
  operator: string;
  inputs: string[];
  outputs: string[];
  attributes?: Record<string, OnnxAttribute>;
};

/** Constants of the graph: weights, and small integer tables such as shapes. */
export type OnnxInitializer = { name: string; shape: readonly number[]; data: Float32Array | BigInt64Array };

/** An input or output: sizes of its axes, a string for a free one. */
type OnnxValue = { name: string; shape: readonly (number | string)[] };

export type OnnxModel = {
  name: string;
  nodes: OnnxNode[];
  initializers: OnnxInitializer[];
  inputs: OnnxValue[];
  outputs: OnnxValue[];
  /** The model's `metadata_props`. */
  metadata: Record<string, string>;
};

/** The first operator set with LayerNormalization; onnxruntime supports it from 1.13 on. */
const OPSET = 17;
const IR_VERSION = 8; // that of opset 17

// Field and type numbers of onnx.proto.
const FLOAT = 1;
const INT64 = 7;
const FLOAT16 = 10;
const ATTRIBUTE = { float: 1, int: 2, string: 3, ints: 7 };

/** Smallest weight, in values, that is stored as float16: small ones, such as biases, cost little and stay exact. */
const FLOAT16_FROM = 1024;

/** Largest protobuf message that most readers accept, bytes. */
const LARGEST = 2 ** 31 - 1;

function attribute(name: string, value: OnnxAttribute): ProtobufMessage {
  const message = new ProtobufMessage().text(1, name);
  if (typeof value === 'bigint') return message.integer(3, value).integer(20, ATTRIBUTE.int);
  if (typeof value === 'number') return message.float(2, value).integer(20, ATTRIBUTE.float);
  if (typeof value === 'string') return message.text(4, value).integer(20, ATTRIBUTE.string);
  for (const number of value) message.integer(8, number);
  return message.integer(20, ATTRIBUTE.ints);
}

function node({ operator, inputs, outputs, attributes = {} }: OnnxNode): ProtobufMessage {
  const message = new ProtobufMessage();
  for (const name of inputs) message.text(1, name);
  for (const name of outputs) message.text(2, name);
  message.text(3, outputs[0]).text(4, operator);
  for (const [name, value] of Object.entries(attributes)) message.message(5, attribute(name, value));
  return message;
}

function tensor(name: string, shape: readonly number[], type: number, data: ArrayBufferView): ProtobufMessage {
  const message = new ProtobufMessage();
  for (const side of shape) message.integer(1, side);
  const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  return message.integer(2, type).text(8, name).bytes(9, bytes);
}

function value({ name, shape }: OnnxValue): ProtobufMessage {
  const sides = new ProtobufMessage();
  for (const side of shape) {
    const dimension = new ProtobufMessage();
    sides.message(1, typeof side === 'number' ? dimension.integer(1, side) : dimension.text(2, side));
  }
  const type = new ProtobufMessage().message(1, new ProtobufMessage().integer(1, FLOAT).message(2, sides));
  return new ProtobufMessage().text(1, name).message(2, type);
}

/** Whether storing a model's large weights as float16 changes any of them. */
export function isRounded({ initializers }: OnnxModel): boolean {
  return initializers.some(({ shape, data }) => {
    if (!(data instanceof Float32Array) || data.length < FLOAT16_FROM) return false;
    const stored = toFloat32(toFloat16({ dtype: 'float32', shape: [...shape], data }));
    return stored.some((value, i) => value !== data[i]);
  });
}

/**
 * Encodes a model as the chunks of an ONNX file; weights are not copied.
 *
 * Metadata are written before the graph, so that they can be read without the weights.
 *
 * @param options.float16 stores weights of 1024 and more values as float16, with a Cast to float32 before their use:
 * half the bytes, the same speed, as onnxruntime widens them once, when the session starts.
 * @throws RangeError for more than 2 GiB, which protobuf readers refuse.
 */
export function encodeOnnxModel(model: OnnxModel, options: { float16?: boolean } = {}): Uint8Array[] {
  return modelMessage(model, options).pieces();
}

/**
 * A model as the bytes of an ONNX file, in one array: a copy of its weights.
 *
 * @throws as `encodeOnnxModel`.
 */
export function onnxModelBytes(model: OnnxModel): Uint8Array {
  return modelMessage(model, {}).toBytes();
}

function modelMessage(model: OnnxModel, { float16 = false }: { float16?: boolean }): ProtobufMessage {
  const casts: OnnxNode[] = [];
  const graph = new ProtobufMessage();
  const initializers = model.initializers.map(({ name, shape, data }) => {
    if (!(data instanceof Float32Array)) return tensor(name, shape, INT64, data);
    if (!float16 || data.length < FLOAT16_FROM) return tensor(name, shape, FLOAT, data);
    const stored = `${name}.float16`;
    casts.push({ operator: 'Cast', inputs: [stored], outputs: [name], attributes: { to: BigInt(FLOAT) } });
    return tensor(stored, shape, FLOAT16, toFloat16({ dtype: 'float32', shape: [...shape], data }).data);
  });
  for (const entry of [...casts, ...model.nodes]) graph.message(1, node(entry));
  graph.text(2, model.name);
  for (const entry of initializers) graph.message(5, entry);
  for (const entry of model.inputs) graph.message(11, value(entry));
  for (const entry of model.outputs) graph.message(12, value(entry));

  const file = new ProtobufMessage().integer(1, IR_VERSION).text(2, 'lipsync');
  file.message(8, new ProtobufMessage().text(1, '').integer(2, OPSET));
  for (const [key, text] of Object.entries(model.metadata))
    file.message(14, new ProtobufMessage().text(1, key).text(2, text));
  file.message(7, graph);
  if (file.length > LARGEST)
    fail(RangeError, 'encodeOnnxModel', 'the model', 'of at most 2 GiB (float16 halves it)', `${file.length} bytes`);
  return file;
}
