import { fail } from '@lipsync/contracts';
import * as tf from '@tensorflow/tfjs-core';
import { type ManifestEntry, storedEntries, widened } from '../detect/network-weights';

/** A network as the TensorFlow.js converter stores it: its graph and one file of weights. */
export type StoredGraph = {
  /** The parsed `.json` file: `{ modelTopology: { node }, weightsManifest }`. */
  graph: unknown;
  /** The `.bin` file. */
  bytes: Uint8Array;
};

type Attribute = {
  s?: string;
  f?: number;
  list?: { i?: string[]; s?: string[] };
};
type GraphNode = { name: string; op: string; input?: string[]; attr?: Record<string, Attribute> };

/** The operations of BlazeFace and Face Mesh; a graph with others is refused. */
const OPERATIONS = [
  ...['Const', 'Placeholder', 'Identity', 'Reshape', 'Pad', 'MaxPool', 'AddV2', 'Relu', 'Prelu', 'Sigmoid'],
  ...['DepthwiseConv2dNative', '_FusedConv2D'],
];

/**
 * A converted network that runs as plain tfjs operations on whatever backend is set. Only what the wanted outputs
 * need is run. Fully convolutional networks take other sizes of images than the one they were stored for.
 *
 * Source: the graph format of `@tensorflow/tfjs-converter` 4.22, of which the operations of MediaPipe's face networks
 * are read. A `Reshape` keeps its last size and joins all others, which is the same for the stored size.
 *
 * Holds its weights as tensors: `dispose` it.
 *
 * @throws TypeError if the graph has another form, an unknown operation or weights that do not fit, or lacks an output;
 * RangeError for a weight that is not finite.
 * @example
 * const mesh = new GraphNetwork('FaceMesh', stored, ['Identity_2', 'Identity_1']);
 * const [points, presence] = mesh.run(images);
 */
export class GraphNetwork {
  readonly #where: string;
  readonly #order: readonly GraphNode[];
  readonly #outputs: readonly string[];
  readonly #weights: Map<string, tf.Tensor>;
  readonly #shapes: Map<string, number[]>;
  #disposed = false;

  constructor(where: string, stored: StoredGraph, outputs: readonly string[]) {
    const nodes = graphNodes(where, stored);
    this.#where = where;
    this.#outputs = outputs;
    this.#order = neededNodes(where, nodes, outputs);
    const used = new Set(this.#order.filter(({ op }) => op === 'Const').map(({ name }) => name));
    const { weights, shapes } = readGraphWeights(where, stored, used);
    this.#shapes = shapes;
    this.#weights = new Map(
      [...weights].map(([name, { shape, data }]) => [name, tf.keep(tf.tensor(data, shape, 'float32'))]),
    );
  }

  /**
   * @param images `[batch, height, width, 3]`, float32.
   * @returns the outputs in their order, as `[rows, last]`; the caller disposes them.
   */
  run(images: tf.Tensor4D): tf.Tensor2D[] {
    if (this.#disposed) fail(Error, `${this.#where}.run`, 'network', 'alive', 'a disposed one');
    return tf.tidy(() => {
      const values = new Map<string, tf.Tensor>();
      const value = (name: string) => values.get(name) ?? (this.#weights.get(name) as tf.Tensor);
      for (const node of this.#order) {
        if (node.op === 'Const') continue;
        values.set(node.name, node.op === 'Placeholder' ? images : this.#apply(node, value));
      }
      return this.#outputs.map((name) => value(name) as tf.Tensor2D);
    });
  }

  /** Frees the weights; safe to call twice. */
  dispose(): void {
    if (this.#disposed) return;
    this.#disposed = true;
    for (const weight of this.#weights.values()) weight.dispose();
  }

  #apply({ op, input = [], attr = {} }: GraphNode, value: (name: string) => tf.Tensor): tf.Tensor {
    const names = input.map((name) => name.split(':')[0]);
    const x = value(names[0]) as tf.Tensor4D;
    // of [batch, height, width, channel]
    const sides = (name: string) => (attr[name]?.list?.i ?? []).slice(1, 3).map(Number) as [number, number];
    const strides = sides('strides');
    const pad = attr.padding?.s ? (atob(attr.padding.s).toLowerCase() as 'same' | 'valid') : 'valid';
    switch (op) {
      case 'Reshape':
        return tf.reshape(x, [-1, this.#shapes.get(names[1])!.at(-1)!]);
      case 'Pad': {
        const flat = this.#shapes.get(names[1])!;
        return tf.pad(
          x,
          x.shape.map((_, i) => [flat[2 * i], flat[2 * i + 1]] as [number, number]),
        );
      }
      case 'MaxPool':
        return tf.maxPool(x, sides('ksize'), strides, pad);
      case 'AddV2':
        return tf.add(x, value(names[1]));
      case 'Relu':
        return tf.relu(x);
      case 'Prelu':
        return tf.prelu(x, value(names[1]));
      case 'Sigmoid':
        return tf.sigmoid(x);
      case 'DepthwiseConv2dNative':
        return tf.depthwiseConv2d(x, value(names[1]) as tf.Tensor4D, strides, pad);
      case '_FusedConv2D': {
        const activation = (attr.fused_ops?.list?.s ?? []).map(atob)[1]?.toLowerCase() as 'relu' | 'prelu' | undefined;
        const filter = value(names[1]) as tf.Tensor4D;
        const preluActivationWeights = activation === 'prelu' ? value(names[3]) : undefined;
        return tf.fused.conv2d({
          x,
          filter,
          strides,
          pad,
          bias: value(names[2]),
          activation: activation ?? 'linear',
          preluActivationWeights,
        });
      }
      default:
        return x; // Identity
    }
  }
}

function graphNodes(where: string, { graph }: StoredGraph): GraphNode[] {
  const nodes = (graph as { modelTopology?: { node?: GraphNode[] } } | undefined)?.modelTopology?.node;
  if (!(Array.isArray(nodes) && nodes.every((node) => typeof node?.name === 'string'))) {
    fail(TypeError, where, 'stored.graph', 'a converted graph with modelTopology.node', typeof graph);
  }
  const unknown = [...new Set(nodes.map(({ op }) => op).filter((op) => !OPERATIONS.includes(op)))];
  if (unknown.length > 0)
    fail(TypeError, where, 'stored.graph', `a graph of ${OPERATIONS.join(', ')}`, unknown.join(', '));
  return nodes;
}

/** The nodes that the outputs need, each after its inputs. */
function neededNodes(where: string, nodes: readonly GraphNode[], outputs: readonly string[]): GraphNode[] {
  const byName = new Map(nodes.map((node) => [node.name, node]));
  const order = new Set<GraphNode>();
  const visit = (name: string) => {
    const node = byName.get(name.split(':')[0]);
    if (!node) fail(TypeError, where, 'stored.graph', `a graph with the node ${name}`, 'none');
    if (order.has(node)) return;
    for (const input of node.input ?? []) visit(input);
    order.add(node);
  };
  for (const name of outputs) visit(name);
  return [...order];
}

/** Float weights widened to float32; whole numbers (shapes and paddings) as lists. */
function readGraphWeights(
  where: string,
  { graph, bytes }: StoredGraph,
  used: ReadonlySet<string>,
): { weights: Map<string, { shape: number[]; data: Float32Array }>; shapes: Map<string, number[]> } {
  const manifest = (graph as { weightsManifest?: { weights: ManifestEntry[] }[] }).weightsManifest ?? [];
  const weights = new Map<string, { shape: number[]; data: Float32Array }>();
  const shapes = new Map<string, number[]>();
  for (const item of storedEntries(where, manifest, bytes)) {
    const { name, shape, dtype } = item.entry;
    if (!used.has(name)) continue;
    if (dtype === 'int32') {
      shapes.set(name, [...new Int32Array(item.buffer)]);
      continue;
    }
    const data = widened(where, item);
    const bad = data.findIndex((value) => !Number.isFinite(value));
    if (bad >= 0) fail(RangeError, where, name, 'finite', `${data[bad]} at ${bad}`);
    weights.set(name, { shape, data });
  }
  const missing = [...used].filter((name) => !weights.has(name) && !shapes.has(name));
  if (missing.length > 0) fail(TypeError, where, 'weights', 'those of the graph', `none for ${missing.join(', ')}`);
  return { weights, shapes };
}
