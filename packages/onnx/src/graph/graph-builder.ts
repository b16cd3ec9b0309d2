import { fail } from '@lipsync/contracts';
import type { OnnxAttribute, OnnxInitializer, OnnxNode } from '../format/onnx-model';
import type { Constant } from './fold-constants';

/**
 * A value's names in the graph: `last` with channels on the last axis, as traced, `first` with channels on the second
 * axis; or both.
 */
type Places = { shape: readonly number[]; last?: string; first?: string };

/** Order of axes from channels-last to channels-first: `[0, rank - 1, 1, …]`. */
export function toFirst(rank: number): number[] {
  return [0, rank - 1, ...Array.from({ length: rank - 2 }, (_, i) => i + 1)];
}

/** Order of axes from channels-first to channels-last: `[0, 2, …, 1]`. */
export function toLast(rank: number): number[] {
  return [0, ...Array.from({ length: rank - 2 }, (_, i) => i + 2), 1];
}

const product = (sides: readonly number[]) => sides.reduce((size, side) => size * side, 1);

/** Copies values into another order of axes. */
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
 * An ONNX graph under construction: nodes in order, weights, and the layout of each value.
 *
 * tfjs is channels-last, ONNX's convolutions are channels-first. A value keeps the layout of the node that made it;
 * `last` and `first` add a transpose where a user needs the other layout, once.
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

  /** @param batch axes of this size, and of multiples of it, are the batch's. */
  constructor(
    batch: number,
    constants: ReadonlyMap<number, Constant>,
    nameOf: (constant: Constant) => string | undefined = () => undefined,
  ) {
    this.#batch = batch;
    this.#constants = constants;
    this.#nameOf = nameOf;
  }

  /** An unused name that begins with `prefix`. */
  name(prefix: string): string {
    let name = prefix;
    for (let i = 1; this.#names.has(name); i++) name = `${prefix}_${i}`;
    this.#names.add(name);
    return name;
  }

  /** Adds a node. @returns the name of its first output. */
  node(operator: string, inputs: string[], attributes?: Record<string, OnnxAttribute>, outputs?: string[]): string {
    const names = outputs ?? [this.name(operator)];
    this.nodes.push({ operator, inputs, outputs: names, ...(attributes ? { attributes } : {}) });
    return names[0];
  }

  /** Adds weights. */
  weight(prefix: string, shape: readonly number[], data: Float32Array): string {
    const name = this.name(prefix);
    this.initializers.push({ name, shape, data });
    return name;
  }

  /** Adds weights that several nodes share, identified by `key`. */
  shared(key: string, shape: readonly number[], make: () => Float32Array): string {
    const known = this.#tables.get(key) ?? this.weight(key, shape, make());
    this.#tables.set(key, known);
    return known;
  }

  /** Adds an integer table, such as a shape; nodes with equal tables share one. */
  table(values: readonly number[]): string {
    const key = `[${values.join()}]`;
    let name = this.#tables.get(key);
    if (name === undefined) {
      name = this.name(`numbers_${values.join('_').replaceAll('-', 'm')}`);
      this.initializers.push({ name, shape: [values.length], data: BigInt64Array.from(values, BigInt) });
      this.#tables.set(key, name);
    }
    return name;
  }

  /** The shape of a Reshape: -1 for the batch. */
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

  /** The name of a weight in the network, or a made-up one. */
  constantName(constant: Constant): string {
    return this.#nameOf(constant) ?? 'constant';
  }

  /** Registers the names of a value. */
  place(number: number, shape: readonly number[], where: { last?: string; first?: string }): void {
    this.#places.set(number, { shape, ...where });
  }

  /** Whether a value exists in channels-first layout only. */
  isFirst(number: number): boolean {
    const places = this.#places.get(number);
    return places !== undefined && places.last === undefined;
  }

  /** A value, or a constant, in channels-last layout, as traced. */
  last(number: number): string {
    const constant = this.#constants.get(number);
    if (constant) return this.#constantAs(number, constant, constant.shape, constant.data, 'last');
    const places = this.#places.get(number) as Places;
    places.last ??= this.#moved(places.first as string, places.shape, 'last');
    return places.last;
  }

  /** A value in channels-first layout. */
  first(number: number): string {
    const places = this.#places.get(number) as Places;
    places.first ??=
      places.shape.length < 3 ? (places.last as string) : this.#moved(places.last as string, places.shape, 'first');
    return places.first;
  }

  /** A constant that is combined with a channels-first value of `rank` axes. */
  constantFirst(number: number, rank: number): string {
    const { shape, data } = this.#constants.get(number) as Constant;
    const full = [...new Array<number>(rank - shape.length).fill(1), ...shape];
    if (data.length === 1) return this.#constantAs(number, this.#constants.get(number) as Constant, [], data, 'scalar');
    const order = rank < 3 ? [...full.keys()] : toFirst(rank);
    const turned = order.map((axis) => full[axis]);
    while (turned.length > 1 && turned[0] === 1) turned.shift(); // broadcasting restores it
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
    // Where either is 1, the layout in memory is the same.
    if (channels > 1 && positions > 1) return this.transpose(name, order);
    return this.reshape(name, to === 'first' ? order.map((axis) => shape[axis]) : shape);
  }
}
