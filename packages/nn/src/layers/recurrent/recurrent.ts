import { fail } from '@lipsync/contracts';
import * as tf from '@tensorflow/tfjs-core';
import { Module } from '../../module/module';
import type { Random } from '../../random/random';
import { kaimingUniform } from '../initialise';
import type { Inputs, Steps } from './steps';

/** Options of `Lstm` and `Gru`. */
export type RecurrentOptions = {
  /** Values of a step. */
  inputSize: number;
  /** Values of the hidden state. */
  hiddenSize: number;
  /** Layers, each on the hidden states of the one before. Default 1. */
  layers?: number;
  /** Random numbers for the initial weights. */
  random: Random;
};

/**
 * Where a sequence stands, for its continuation: for each layer the hidden state, and an LSTM's cell state, float32
 * `[batch, hiddenSize]` each. Whoever gets it disposes it: `tf.dispose(state)`.
 */
export type RecurrentState = tf.Tensor2D[][];

/** The arithmetic of a kind of layer. */
export type RecurrentKind = {
  where: string;
  /** Blocks of the weights. */
  gates: number;
  /** Tensors of a layer's state. */
  states: number;
  /** Whether the recurrent bias is part of the projection. */
  joinsBiases: boolean;
  steps: (inputs: Inputs) => Steps;
  trainedSteps: (inputs: Inputs) => tf.Tensor3D;
};

type Layer = { weightIh: tf.Variable; weightHh: tf.Variable; biasIh: tf.Variable; biasHh: tf.Variable };

/** Base of `Lstm` and `Gru`: parameters under PyTorch's names, layers in sequence. */
export abstract class Recurrent extends Module {
  readonly inputSize: number;
  readonly hiddenSize: number;
  readonly layers: number;
  readonly #kind: RecurrentKind;
  readonly #layers: Layer[] = [];

  constructor(kind: RecurrentKind, { inputSize, hiddenSize, layers = 1, random }: RecurrentOptions) {
    super();
    for (const [name, value] of Object.entries({ inputSize, hiddenSize, layers })) {
      if (!(Number.isInteger(value) && value >= 1)) fail(RangeError, kind.where, name, 'a whole number from 1', value);
    }
    this.inputSize = inputSize;
    this.hiddenSize = hiddenSize;
    this.layers = layers;
    this.#kind = kind;
    const columns = kind.gates * hiddenSize;
    for (let k = 0; k < layers; k++) {
      const weight = (name: string, rows: number) =>
        this.parameter(`${name}_l${k}`, kaimingUniform([rows, columns], hiddenSize, random), 'linear');
      const bias = (name: string) => this.parameter(`${name}_l${k}`, kaimingUniform([columns], hiddenSize, random));
      this.#layers.push({
        weightIh: weight('weight_ih', k === 0 ? inputSize : hiddenSize),
        weightHh: weight('weight_hh', hiddenSize),
        biasIh: bias('bias_ih'),
        biasHh: bias('bias_hh'),
      });
    }
  }

  /**
   * The hidden states of the last layer, from a state of zeros on.
   *
   * @param x float32 `[batch, time, inputSize]`, at least one step.
   * @returns float32 `[batch, time, hiddenSize]`. The caller disposes it.
   * @throws TypeError if `x` has another shape.
   */
  forward(x: tf.Tensor): tf.Tensor3D {
    this.#assertInput('forward', x);
    const { trainedSteps, steps } = this.#kind;
    // The gradient needs the gates of all steps: they are kept only where one is taken.
    const run = tf.engine().isTapeOn() ? trainedSteps : (inputs: Inputs) => steps(inputs).hidden;
    return tf.tidy(() => {
      const state = this.#zeros(x.shape[0]);
      const last = this.#layers.reduce(
        (sequence, layer, k) => run({ ...this.#inputs(layer, sequence), state: state[k] }),
        timeFirst(x as tf.Tensor3D),
      );
      return timeFirst(last);
    });
  }

  /**
   * Continues a sequence that comes in pieces: together the outputs are those of `forward` for the whole, but for
   * rounding. Has no gradient.
   *
   * @param x float32 `[batch, time, inputSize]`, the next steps, at least one.
   * @param state what the piece before gave; borrowed. Default: the sequence starts.
   * @returns output float32 `[batch, time, hiddenSize]`, and the state after it. The caller disposes both.
   * @throws TypeError if `x` or the state have another shape.
   */
  advance(x: tf.Tensor, state?: RecurrentState): { output: tf.Tensor3D; state: RecurrentState } {
    this.#assertInput('advance', x);
    if (state) this.#assertState(x.shape[0], state);
    const after: RecurrentState = [];
    const output = tf.tidy(() => {
      const before = state ?? this.#zeros(x.shape[0]);
      const last = this.#layers.reduce(
        (sequence, layer, k) => {
          const { hidden, state } = this.#kind.steps({ ...this.#inputs(layer, sequence), state: before[k] });
          after.push(state.map((each) => tf.keep(each)));
          return hidden;
        },
        timeFirst(x as tf.Tensor3D),
      );
      return timeFirst(last);
    });
    return { output, state: after };
  }

  /** All but the state. @param sequence `[time, batch, values]`. */
  #inputs({ weightIh, weightHh, biasIh, biasHh }: Layer, sequence: tf.Tensor3D): Omit<Inputs, 'state'> {
    const [time, batch, values] = sequence.shape;
    const rows = tf.reshape<tf.Rank.R2>(sequence, [time * batch, values]);
    const bias = this.#kind.joinsBiases ? tf.add(biasIh, biasHh) : biasIh;
    const projected = tf.add(tf.matMul(rows, weightIh as unknown as tf.Tensor2D), bias);
    return {
      projected: tf.reshape<tf.Rank.R3>(projected, [time, batch, -1]),
      weight: weightHh as unknown as tf.Tensor2D,
      bias: biasHh as unknown as tf.Tensor1D,
    };
  }

  #zeros(batch: number): RecurrentState {
    return this.#layers.map(() =>
      Array.from({ length: this.#kind.states }, () => tf.zeros<tf.Rank.R2>([batch, this.hiddenSize])),
    );
  }

  #assertInput(method: string, x: tf.Tensor): void {
    this.assertUsable(method);
    if (x.rank !== 3 || x.shape[2] !== this.inputSize || x.size === 0) {
      const rule = `of shape [batch, time, ${this.inputSize}] with at least one step`;
      fail(TypeError, `${this.#kind.where}.${method}`, 'x', rule, x.shape);
    }
  }

  #assertState(batch: number, state: RecurrentState): void {
    const { where, states } = this.#kind;
    const shape = [batch, this.hiddenSize].join(', ');
    const fits = (layer: tf.Tensor2D[]) =>
      layer.length === states && layer.every((each) => each.shape.join(', ') === shape);
    if (state.length !== this.layers || !state.every(fits)) {
      const rule = `${this.layers} layers of ${states} tensors [${shape}]`;
      const got = state.map((layer) => layer.map((each) => `[${each.shape.join(', ')}]`).join(' ')).join('; ');
      fail(TypeError, `${where}.advance`, 'state', rule, got);
    }
  }
}

/** Exchanges the axes batch and time. */
function timeFirst(x: tf.Tensor3D): tf.Tensor3D {
  const [first, second, values] = x.shape;
  return Math.min(first, second) === 1 ? tf.reshape(x, [second, first, values]) : tf.transpose(x, [1, 0, 2]);
}
