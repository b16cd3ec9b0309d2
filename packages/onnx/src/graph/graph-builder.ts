import { fail } from '@lipsync/contracts';
import type { OnnxAttribute, OnnxInitializer, OnnxNode } from '../format/onnx-model';
import type { Constant } from './fold-constants';

/** Where a value stands in the graph: `last` with its channels on the last axis, as traced, `first` with them on the second; or both. */
type Places = { shape: readonly number[]; last?: string; first?: string };

/** Axes of channels last, in the order of channels first: `[0, rank - 1, 1, …]`. */
export function toFirst(rank: number): number[] {
  return [0, rank - 1, ...Array.from({ length: rank - 2 }, (_, i) => i + 1)];
}

/** Axes of channels first, in the order of channels last: `[0, 2, …, 1]`. */
export function toLast(rank: number): number[] {
  return [0, ...Array.from({ length: rank - 2 }, (_, i) => i + 2), 1];
}

const product = (sides: readonly number[]) => sides.reduce((size, side) => size * side, 1);

/** Copies numbers into another order of axes. */
export function permuted(data: Float32Array, shape: readonly number[], order: readonly number[]): Float32Array {
  const strides = order.map((axis) => product(shape.slice(axis + 1)));
  const sides = order.map((axis) => shape[axis]);
  const [inner, step] = [sides.pop() ?? 1, strides.pop() ?? 1];
  const result = new Float32Array(data.length);
  const index = new Array<number>(sides.length).fill(0);
  for (let target = 0, source = 0; target < result.length; ) {
    for (let i = 0, at = source; i < inner; i++, at += step) result[target++] = data[at];
    for (let axis = sides.length - 1; axis >= 0; axis--) {
      source += strides[axis];
      if (++index[axis] < sides[axis]) break;
      source -= strides[axis] * sides[axis];
      index[axis] = 0;
    }
  }
  return result;
}

/**
 * An ONNX graph as it grows from traced values: nodes in order, weights, and where each value stands.
 *
 * tfjs keeps channels last, ONNX's convolutions want them first. A value stands as its maker left it; `last` and `first` move it where a user
 * needs it otherwise, once.
 */
export class GraphBuilder {
  readonly nodes: OnnxNode[] = [];
  readonly initializers: OnnxInitializer[] = [];
  readonly #places = new Map<number, Places>();
  readonly #names = new Set<string>();
  readonly #tables = new Map<string, string>();

  readonly #batch: number;
  readonly #constants: ReadonlyMap<number, Constant>;
  readonly #nameOf: (constant: Constant) => string | undefined;

  /** @param batch sides of this size, and multiples of it, are the batch's. */
  constructor(
    batch: number,
    constants: ReadonlyMap<number, Constant>,
    nameOf: (constant: Constant) => string | undefined = () => undefined,
  ) {
    this.#batch = batch;
    this.#constants = constants;
    this.#nameOf = nameOf;
  }

  /** A free name that begins like this. */
  name(wish: string): string {
    let name = wish;
    for (let i = 1; this.#names.has(name); i++) name = `${wish}_${i}`;
    this.#names.add(name);
    return name;
  }

  /** Adds a node and gives its first result's name. */
  node(operator: string, inputs: string[], attributes?: Record<string, OnnxAttribute>, outputs?: string[]): string {
    const names = outputs ?? [this.name(operator)];
    this.nodes.push({ operator, inputs, outputs: names, ...(attributes ? { attributes } : {}) });
    return names[0];
  }

  /** Adds weights. */
  weight(wish: string, shape: readonly number[], data: Float32Array): string {
    const name = this.name(wish);
    this.initializers.push({ name, shape, data });
    return name;
  }

  /** Adds weights that many nodes share: told apart by `key`. */
  shared(key: string, shape: readonly number[], make: () => Float32Array): string {
    const known = this.#tables.get(key) ?? this.weight(key, shape, make());
    this.#tables.set(key, known);
    return known;
  }

  /** Whole numbers, such as a shape; one for all nodes that need the same. */
  table(numbers: readonly number[]): string {
    const key = `[${numbers.join()}]`;
    let name = this.#tables.get(key);
    if (name === undefined) {
      name = this.name(`numbers_${numbers.join('_').replaceAll('-', 'm')}`);
      this.initializers.push({ name, shape: [numbers.length], data: BigInt64Array.from(numbers, BigInt) });
      this.#tables.set(key, name);
    }
    return name;
  }

  /** The sides that a Reshape is given: the batch's as -1. */
  sides(shape: readonly number[]): number[] {
    const free = shape.map((side) => side >= this.#batch && side % this.#batch === 0);
    if (free.filter(Boolean).length > 1)
      fail(TypeError, 'exportOnnx', 'the network', 'one whose shapes hold the batch once', shape);
    return shape.map((side, i) => (free[i] ? -1 : side));
  }

  reshape(name: string, shape: readonly number[]): string {
    return this.node('Reshape', [name, this.table(this.sides(shape))]);
  }

  transpose(name: string, order: readonly number[]): string {
    return this.node('Transpose', [name], { perm: order.map(BigInt) });
  }

  constant(number: number): Constant | undefined {
    return this.#constants.get(number);
  }

  /** The name that a weight has in the network, or one made up. */
  constantName(constant: Constant): string {
    return this.#nameOf(constant) ?? 'constant';
  }

  /** Says where a value stands. */
  place(number: number, shape: readonly number[], where: { last?: string; first?: string }): void {
    this.#places.set(number, { shape, ...where });
  }

  /** Whether a value stands with its channels first and nowhere else. */
  standsFirst(number: number): boolean {
    const places = this.#places.get(number);
    return places !== undefined && places.last === undefined;
  }

  /** A value, or a constant, as traced: channels last. */
  last(number: number): string {
    const constant = this.#constants.get(number);
    if (constant) return this.#constantAs(number, constant, constant.shape, constant.data, 'last');
    const places = this.#places.get(number) as Places;
    places.last ??= this.#moved(places.first as string, places.shape, 'last');
    return places.last;
  }

  /** A value with its channels first. */
  first(number: number): string {
    const places = this.#places.get(number) as Places;
    places.first ??=
      places.shape.length < 3 ? (places.last as string) : this.#moved(places.last as string, places.shape, 'first');
    return places.first;
  }

  /** A constant that stands beside a value of `rank` axes with its channels first. */
  constantFirst(number: number, rank: number): string {
    const { shape, data } = this.#constants.get(number) as Constant;
    const full = [...new Array<number>(rank - shape.length).fill(1), ...shape];
    if (data.length === 1) return this.#constantAs(number, this.#constants.get(number) as Constant, [], data, 'scalar');
    const order = rank < 3 ? [...full.keys()] : toFirst(rank);
    const turned = order.map((axis) => full[axis]);
    while (turned.length > 1 && turned[0] === 1) turned.shift(); // broadcasting puts it back
    return this.#constantAs(
      number,
      this.#constants.get(number) as Constant,
      turned,
      permuted(data, full, order),
      `first ${rank}`,
    );
  }

  #constantAs(number: number, constant: Constant, shape: readonly number[], data: Float32Array, form: string): string {
    const key = `constant ${number} ${form}`;
    const known = this.#tables.get(key);
    if (known !== undefined) return known;
    const name = this.weight(this.constantName(constant), shape, data);
    this.#tables.set(key, name);
    return name;
  }

  #moved(name: string, shape: readonly number[], to: 'first' | 'last'): string {
    const order = to === 'first' ? toFirst(shape.length) : toLast(shape.length);
    const channels = shape.at(-1) as number;
    const positions = product(shape.slice(1, -1));
    // Where either is 1, nothing moves in memory.
    if (channels > 1 && positions > 1) return this.transpose(name, order);
    return this.reshape(name, to === 'first' ? order.map((axis) => shape[axis]) : shape);
  }
}
