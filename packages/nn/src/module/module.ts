import { identifyNetwork, type NamedArray, nonFiniteValues, toFloat32 } from '@lipsync/checkpoints';
import { fail } from '@lipsync/contracts';
import * as tf from '@tensorflow/tfjs-core';
import { fromTorchLayout, type ParameterLayout, torchShape, toTorchLayout } from './parameter-layout';

/** A variable, and its form in PyTorch's state dict. */
export type Parameter = {
  /** Of any rank. Owned by its module. Its name in tfjs is generated and has no meaning. */
  variable: tf.Variable;
  /** How PyTorch's axes map to ours. */
  layout: ParameterLayout;
  /** Element type in the state dict where it is not float32: a counter that PyTorch keeps as int64. */
  stateDtype?: 'int64';
};

/** Reads variables back under PyTorch's names, shapes and axis order. */
export async function readState(entries: Map<string, Parameter>): Promise<Map<string, NamedArray>> {
  const state = new Map<string, NamedArray>();
  for (const [name, { variable, layout, stateDtype }] of entries) {
    const data = (await variable.data()) as Float32Array | Int32Array;
    const shape = torchShape(variable.shape, layout);
    if (stateDtype === 'int64') {
      state.set(name, { dtype: 'int64', shape, data: BigInt64Array.from(data, BigInt) });
    } else {
      const moved = toTorchLayout(data, variable.shape, layout);
      const copy = moved === data ? data.slice() : moved; // the backend may own the array that it returned
      state.set(name, { dtype: variable.dtype, shape, data: copy } as NamedArray);
    }
  }
  return state;
}

/**
 * Writes a state dict into variables: all of it or nothing.
 *
 * @throws Error that lists every missing, unused and misshapen name and the first five with NaN or infinite values, and
 *   names the network whose state dict it is where that is known.
 */
export function writeState(entries: Map<string, Parameter>, state: Map<string, NamedArray>, where: string): void {
  const missing: string[] = [];
  const misshapen: string[] = [];
  const notFinite: string[] = [];
  for (const [name, { variable, layout }] of entries) {
    const array = state.get(name);
    const wanted = torchShape(variable.shape, layout);
    if (array === undefined) missing.push(name);
    else if (array.shape.length !== wanted.length || array.shape.some((side, axis) => side !== wanted[axis])) {
      misshapen.push(`${name} ([${array.shape.join(', ')}] for [${wanted.join(', ')}])`);
    } else {
      const found = nonFiniteValues(array);
      if (found) notFinite.push(`${name} (${found.value} at ${found.index}, ${found.count} of ${array.data.length})`);
    }
  }
  const unused = [...state.keys()].filter((name) => !entries.has(name));
  // A failed training leaves NaN in every tensor: the first few say it.
  const firstFew = [...notFinite.slice(0, 5), ...(notFinite.length > 5 ? ['…'] : [])];
  const complaints = [
    ['missing', missing, missing],
    ['unused', unused, unused],
    ['misshapen', misshapen, misshapen],
    ['with values that are not finite', notFinite, firstFew],
  ] as const;
  const found = complaints.filter(([, names]) => names.length > 0);
  if (found.length > 0) {
    const rule = `a state dict with the ${entries.size} names and shapes of the module`;
    const got = found.map(([what, names, listed]) => `${names.length} ${what}: ${listed.join(', ')}`).join('; ');
    const network =
      missing.length > 0 ? identifyNetwork(new Map([...state].map(([name, { shape }]) => [name, shape]))) : undefined;
    const known = network ? ` (these are the parameters of ${network.title})` : '';
    throw new Error(`${where}: state must be ${rule}, got ${got}${known}`);
  }
  for (const [name, { variable, layout }] of entries) {
    const array = state.get(name) as NamedArray;
    let values: Float32Array | Int32Array;
    if (variable.dtype === 'int32') values = Int32Array.from(array.data as Iterable<number | bigint>, Number);
    else values = fromTorchLayout(toFloat32(array), array.shape, layout);
    if (values === array.data) values = values.slice(); // some backends keep the array that they are given
    tf.tidy(() => variable.assign(tf.tensor(values, variable.shape, variable.dtype)));
  }
}

/**
 * Base class of layers, blocks and networks. Subclasses create their parts with `parameter`, `buffer` and `register`
 * and add their own `forward`.
 *
 * Names are PyTorch's dotted state-dict names, kept here and not in tfjs, whose variable names are global to the
 * engine. A new module is in training mode, as in PyTorch.
 *
 * @example
 * class Head extends Module {
 *   readonly #fc = this.register('fc', new Linear({ inFeatures: 8, outFeatures: 2, random: new Random(0) }));
 *   forward(x: tf.Tensor): tf.Tensor { return this.#fc.forward(silu(x)); }
 * }
 */
export abstract class Module {
  readonly #ownParameters = new Map<string, Parameter>();
  readonly #ownBuffers = new Map<string, Parameter>();
  readonly #ownChildren = new Map<string, Module>();
  #isTraining = true;
  #isDisposed = false;

  /**
   * Whether the module is in training mode: dropout is active, BatchNorm uses the statistics of its batch and updates
   * the running ones.
   */
  get training(): boolean {
    return this.#isTraining;
  }

  /** Sets this module and all its submodules to training mode, or to evaluation mode. */
  train(mode = true): this {
    this.#isTraining = mode;
    for (const child of this.#ownChildren.values()) child.train(mode);
    return this;
  }

  /** The same as `train(false)`. */
  eval(): this {
    return this.train(false);
  }

  /** The direct submodules by their names in this module. */
  children(): Map<string, Module> {
    return new Map(this.#ownChildren);
  }

  /** Trained parameters by dotted name: own parameters first, then each child's, in order of registration. */
  namedParameters(): Map<string, Parameter> {
    return this.#collect(this.#ownParameters, (child) => child.namedParameters());
  }

  /** Buffers, which are saved but not trained, such as running statistics, by dotted name. */
  namedBuffers(): Map<string, Parameter> {
    return this.#collect(this.#ownBuffers, (child) => child.namedBuffers());
  }

  /**
   * All parameters and buffers under PyTorch's names, in its shapes and axis order.
   *
   * @returns copies, float32 (int64 where PyTorch has it).
   */
  async stateDict(): Promise<Map<string, NamedArray>> {
    this.assertUsable('stateDict');
    return readState(this.#namedState());
  }

  /**
   * Loads weights by name, all of them or none. Half floats and float64 are converted to float32.
   *
   * @param options.where names the caller's function in the error. Default `Module.loadStateDict`.
   * @throws Error that lists every missing, unused and misshapen name, and the first five with NaN or infinite values.
   */
  loadStateDict(state: Map<string, NamedArray>, options: { where?: string } = {}): void {
    this.assertUsable('loadStateDict');
    writeState(this.#namedState(), state, options.where ?? 'Module.loadStateDict');
  }

  /** Number of trained values. */
  parameterCount(): number {
    let count = 0;
    for (const { variable } of this.namedParameters().values()) count += variable.size;
    return count;
  }

  /** Disposes every variable of this module and of its submodules. Safe to call twice. */
  dispose(): void {
    this.#isDisposed = true;
    for (const { variable } of [...this.#ownParameters.values(), ...this.#ownBuffers.values()]) {
      if (!variable.isDisposed) variable.dispose();
    }
    for (const child of this.#ownChildren.values()) child.dispose();
  }

  /** Adds a submodule under a name, which may be dotted (`down_blocks.0`). It is disposed with this module. */
  protected register<M extends Module>(name: string, child: M): M {
    this.#claim(name);
    this.#ownChildren.set(name, child);
    return child;
  }

  /** Creates a trained variable from `value`, of any rank, which it disposes. */
  protected parameter(name: string, value: tf.Tensor, layout: ParameterLayout = 'same'): tf.Variable {
    this.#claim(name);
    const variable = tf.variable(value, true);
    value.dispose();
    this.#ownParameters.set(name, { variable, layout });
    return variable;
  }

  /** Creates a variable that is in the state dict but not trained, from `value`, of any rank, which it disposes. */
  protected buffer(name: string, value: tf.Tensor, options: { stateDtype?: 'int64' } = {}): tf.Variable {
    this.#claim(name);
    const variable = tf.variable(value, false);
    value.dispose();
    this.#ownBuffers.set(name, { variable, layout: 'same', ...options });
    return variable;
  }

  /** Throws if the module was disposed; to call first in `forward`. */
  protected assertUsable(method = 'forward'): void {
    if (this.#isDisposed) {
      fail(Error, `${this.constructor.name}.${method}`, 'this module', 'in use', 'one that was disposed');
    }
  }

  #namedState(): Map<string, Parameter> {
    const state = this.namedParameters();
    for (const [name, entry] of this.namedBuffers()) state.set(name, entry);
    return state;
  }

  #collect(own: Map<string, Parameter>, ofChild: (child: Module) => Map<string, Parameter>): Map<string, Parameter> {
    const all = new Map(own);
    for (const [prefix, child] of this.#ownChildren) {
      for (const [name, entry] of ofChild(child)) all.set(`${prefix}.${name}`, entry);
    }
    return all;
  }

  #claim(name: string): void {
    if (this.#ownParameters.has(name) || this.#ownBuffers.has(name) || this.#ownChildren.has(name)) {
      fail(Error, `${this.constructor.name}`, 'name', 'unused in this module', name);
    }
  }
}
