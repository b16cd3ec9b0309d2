import { fail } from '@lipsync/contracts';
import * as tf from '@tensorflow/tfjs-core';

type Entry = { values: Promise<Float32Array>; arrived?: Float32Array };

/**
 * Tensors whose values are still being computed elsewhere: created at once, read by `await tensor.data()`, which waits.
 *
 * A tfjs backend that is never registered: no kernel runs on it. Once the values have arrived, other backends' kernels
 * accept the tensor like any other; before that they throw.
 */
export class PendingTensors extends tf.KernelBackend {
  readonly #entries = new Map<object, Entry>();

  readonly #where: string;

  /** @param where names the caller's function in errors. */
  constructor(where: string) {
    super();
    this.#where = where;
  }

  /** A tensor of values to come; a rejection is thrown where the tensor is read. The caller disposes it. */
  tensor<R extends tf.Rank>(values: Promise<Float32Array>, shape: tf.ShapeMap[R]): tf.Tensor<R> {
    const dataId = {};
    const entry: Entry = { values };
    this.#entries.set(dataId, entry);
    values.then(
      (arrived) => (entry.arrived = arrived),
      () => {}, // thrown at the reader, if there is one
    );
    return tf
      .engine()
      .makeTensorFromTensorInfo({ dataId, shape: shape as number[], dtype: 'float32' }, this) as tf.Tensor<R>;
  }

  override async read(dataId: object): Promise<tf.BackendValues> {
    return (this.#entries.get(dataId) as Entry).values;
  }

  override readSync(dataId: object): tf.BackendValues {
    const { arrived } = this.#entries.get(dataId) as Entry;
    return (
      arrived ??
      fail(Error, this.#where, 'the result', 'waited for (await tensor.data()) before it is used', 'used at once')
    );
  }

  override disposeData(dataId: object): boolean {
    this.#entries.delete(dataId);
    return true;
  }

  override incRef(): void {}
  override refCount(): number {
    return 1;
  }
  override numDataIds(): number {
    return this.#entries.size;
  }
  override memory(): { unreliable: boolean } {
    return { unreliable: false };
  }
  override floatPrecision(): 32 {
    return 32;
  }
  override timerAvailable(): boolean {
    return false;
  }
  override dispose(): void {
    this.#entries.clear();
  }
}
