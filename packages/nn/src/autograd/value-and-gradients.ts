import { fail } from '@lipsync/contracts';
import * as tf from '@tensorflow/tfjs-core';
import type { Module, Parameter } from '../module/module';
import { registerGradients } from './register-gradients';

/** A module, several modules with different parameter names, or parameters by name. */
export type Trainable = Module | Module[] | Map<string, Parameter>;

/**
 * Every parameter by name, in order of registration.
 *
 * @throws Error if two modules share a parameter name.
 * @example
 * const optimizer = new AdamW(parametersOf([generator, discriminator]), { learningRate: 1e-4 });
 */
export function parametersOf(trainable: Trainable): Map<string, Parameter> {
  if (trainable instanceof Map) return trainable;
  const all = new Map<string, Parameter>();
  for (const module of Array.isArray(trainable) ? trainable : [trainable]) {
    for (const [name, parameter] of module.namedParameters()) {
      if (all.has(name)) fail(Error, 'parametersOf', 'trainable', 'modules with different parameter names', name);
      all.set(name, parameter);
    }
  }
  return all;
}

/**
 * Disposes the tensors of a map, of any rank; `tf.dispose` does not look into maps.
 *
 * @example
 * const { value, gradients } = valueAndGradients(net, loss);
 * disposeGradients(gradients);
 */
export function disposeGradients(gradients: Map<string, tf.Tensor>): void {
  for (const gradient of gradients.values()) gradient.dispose();
}

/**
 * The loss and its gradient by every parameter of the given modules, and by no other variable.
 *
 * Registers those gradients of tfjs ops that are missing (see `registerGradients`).
 *
 * @param loss computes a float32 scalar; called once.
 * @returns the loss, a scalar, and float32 gradients in order of registration, each of its variable's shape (not in
 *   PyTorch's layout). The caller disposes both (`disposeGradients`).
 * @throws Error that names the parameters on which the loss does not depend; `tf.variableGrads` would leave them out
 *   silently.
 * @example
 * const { value, gradients } = valueAndGradients(net, () => tf.losses.meanSquaredError(target, net.forward(x)));
 * optimizer.step(gradients);
 * disposeGradients(gradients);
 */
export function valueAndGradients(
  trainable: Trainable,
  loss: () => tf.Scalar,
): { value: tf.Scalar; gradients: Map<string, tf.Tensor> } {
  const parameters = parametersOf(trainable);
  if (parameters.size === 0) fail(Error, 'valueAndGradients', 'trainable', 'something with parameters', 'none');
  registerGradients();
  const variables = [...parameters.values()].map(({ variable }) => variable);
  const { value, grads } = tf.variableGrads(loss, variables);
  const gradients = new Map<string, tf.Tensor>();
  const missing: string[] = [];
  for (const [name, { variable }] of parameters) {
    const gradient = grads[variable.name];
    if (gradient == null) missing.push(name);
    else gradients.set(name, gradient);
  }
  if (missing.length > 0) {
    value.dispose();
    disposeGradients(gradients);
    fail(Error, 'valueAndGradients', 'loss', 'a function of every parameter', `one without ${missing.join(', ')}`);
  }
  return { value, gradients };
}
