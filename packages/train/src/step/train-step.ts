import type { SyncBatch, SyncLoss } from '@lipsync/avalignnet';
import { fail } from '@lipsync/contracts';
import type { AdamW, ExponentialMovingAverage, Module, Parameter } from '@lipsync/nn';
import { clipGradientNorm, disposeGradients, GradientAccumulator } from '@lipsync/nn';
import * as tf from '@tensorflow/tfjs-core';
import type { ReplicaExchange, SyncModel } from './batch-gradients';
import { batchGradients } from './batch-gradients';

/**
 * What `trainStep` trains: the network's parameters and, after them, the head's, by name.
 *
 * @example
 * const optimizer = new AdamW(trainedParameters(net, head), { learningRate: 1.5e-3 });
 */
export function trainedParameters(net: Module, head?: Module): Map<string, Parameter> {
  return new Map([...net.namedParameters(), ...(head?.namedParameters() ?? [])]);
}

export type TrainStepOptions = {
  net: SyncModel;
  /** Further parameters that the loss uses, such as a `ContrastiveTemperature`. */
  head?: Module;
  /** Over `trainedParameters(net, head)`; set its `learningRate` before the step where it follows a schedule. */
  optimizer: AdamW;
  /** Borrowed. Several: their gradients are averaged, weighted by rows, then one step is taken. */
  batch: SyncBatch | readonly SyncBatch[];
  /** `pairLoss()` or `contrastLoss({ ... })`, or one of your own. */
  loss: SyncLoss;
  /** Largest length of all gradients together. Default 1. */
  clipNorm?: number;
  /**
   * Most rows that are in the network at a time: memory is that of a chunk whatever the batch, loss and gradients stay those of the whole
   * batch (every row still competes with all others), all chunks but the last go forward twice. Default: all rows.
   */
  chunk?: number;
  /**
   * The exchange with the other replicas of a data-parallel run, usually a `SharedExchange` of `@lipsync/nn`. `batch.frames` and `batch.mel` are then this
   * replica's rows, in order of rank, `labels` and `clips` those of all. Loss, gradients and step are the same in each replica, so
   * networks that were equal stay so, bit by bit. Needs a backend that reads synchronously: wasm or cpu. Default: none.
   */
  exchange?: ReplicaExchange;
  /** Follows the network after the step. */
  ema?: ExponentialMovingAverage;
};

/** Figures of a step, before its change. Means over the batches; a cosine is NaN where no batch had such pairs. */
export type TrainStepResult = {
  loss: number;
  positiveCosine: number;
  negativeCosine: number;
  /** Before clipping. */
  gradientNorm: number;
};

/**
 * One step of training: forward in training mode, loss, gradients, clipping, AdamW, moving average.
 *
 * Source: LatentSync's loop (clipping at 1.0) in float32. Chunks: GradCache (Gao et al. 2021); against the undivided step the loss differs by
 * less than 1e-6 and each gradient by less than 1e-4 of its largest number (of 0.01 at least), see the test.
 *
 * Networks with BatchNorm take each chunk's and each replica's statistics by themselves, as PyTorch's DistributedDataParallel does, so there the
 * division changes the loss; running statistics follow each chunk once, and differ between replicas. Dropout draws other masks for another division.
 *
 * Makes no tensor that outlives it, save the optimiser's own. The network is left in the mode that it was in; its
 * `weightsHash` is dropped.
 *
 * @throws Error if loss or gradients are not finite; weights, moments and average are then as they were. What `exchange` throws.
 * @example
 * const { loss, gradientNorm } = await trainStep({ net, head, optimizer, batch, loss: contrastLoss({ temperature: head }), chunk: 32 });
 */
export async function trainStep(options: TrainStepOptions): Promise<TrainStepResult> {
  const { net, head, optimizer, batch, loss, clipNorm = 1, chunk, exchange, ema } = options;
  const batches = Array.isArray(batch) ? (batch as readonly SyncBatch[]) : [batch as SyncBatch];
  if (batches.length === 0) fail(RangeError, 'trainStep', 'batch', 'one batch at least', 'none');
  for (const { frames, features } of batches) {
    if (frames.shape[0] !== features.shape[0]) {
      fail(
        TypeError,
        'trainStep',
        'batch.mel',
        `of as many rows as batch.frames (${frames.shape[0]})`,
        features.shape[0],
      );
    }
  }
  if (chunk !== undefined && !(Number.isInteger(chunk) && chunk >= 1))
    fail(RangeError, 'trainStep', 'chunk', 'a whole number from 1', chunk);
  if (exchange && batches.length > 1)
    fail(TypeError, 'trainStep', 'batch', 'one where replicas share it', `${batches.length} of them`);
  const training = net.training;
  const gathered: tf.Scalar[][] = [];
  let gradients: Map<string, tf.Tensor> | undefined;
  let norm: tf.Scalar | undefined;
  try {
    net.train();
    const step = optimizer.stepCount; // the same dropout masks where a run is taken up again
    const gradientsOf = async (part: SyncBatch, firstRow: number) => {
      const made = await batchGradients({ net, head, batch: part, loss, chunk, exchange, step, firstRow });
      gathered.push([made.parts.loss, made.parts.positiveCosine, made.parts.negativeCosine]);
      return made.gradients;
    };
    if (batches.length === 1) {
      gradients = await gradientsOf(batches[0], 0);
    } else {
      const accumulator = new GradientAccumulator();
      try {
        let rows = 0;
        for (const part of batches) {
          const partial = await gradientsOf(part, rows);
          accumulator.add(partial, part.frames.shape[0]);
          disposeGradients(partial);
          rows += part.frames.shape[0];
        }
        gradients = accumulator.take();
      } finally {
        accumulator.dispose();
      }
    }
    norm = clipGradientNorm(gradients, clipNorm);
    const [gradientNorm] = await norm.data();
    const parts = await Promise.all(
      gathered.map((row) => Promise.all(row.map(async (scalar) => (await scalar.data())[0]))),
    );
    const [meanLoss, positiveCosine, negativeCosine] = [0, 1, 2].map((column) =>
      meanOfKnown(
        parts.map((row) => row[column]),
        batches.map(({ frames }) => frames.shape[0]),
      ),
    );
    const finite = Number.isFinite(gradientNorm) && parts.every(([value]) => Number.isFinite(value));
    if (!finite) {
      const got = `loss ${parts.map(([value]) => value).join(', ')} and gradient norm ${gradientNorm}`;
      fail(Error, 'trainStep', 'the step', 'finite', got);
    }
    optimizer.step(gradients);
    ema?.update(optimizer.stepCount - 1);
    return { loss: meanLoss, positiveCosine, negativeCosine, gradientNorm };
  } finally {
    net.train(training);
    norm?.dispose();
    if (gradients) disposeGradients(gradients);
    for (const row of gathered) tf.dispose(row);
  }
}

/** Weighted mean of the numbers that are not NaN; NaN where there are none. */
function meanOfKnown(values: number[], weights: number[]): number {
  let [sum, total] = [0, 0];
  values.forEach((value, index) => {
    if (Number.isNaN(value)) return;
    sum += value * weights[index];
    total += weights[index];
  });
  return sum / total;
}
