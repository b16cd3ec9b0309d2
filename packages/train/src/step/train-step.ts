import type { ExpertBatch, ExpertLoss, ExpertLossParts } from '@lipsync/avalignnet';
import { fail } from '@lipsync/contracts';
import type { AdamW, ExponentialMovingAverage, Module, Parameter } from '@lipsync/nn';
import { clipGradientNorm, disposeGradients, GradientAccumulator } from '@lipsync/nn';
import * as tf from '@tensorflow/tfjs-core';
import type { ReplicaExchange, SyncModel } from './batch-gradients';
import { batchGradients } from './batch-gradients';
import { NonFiniteLoss } from './non-finite-loss';

/**
 * The parameters that `trainStep` trains, by name: the network's and, after them, the head's.
 *
 * @example
 * import { AdamW } from '@lipsync/nn';
 * import { trainedParameters } from '@lipsync/train';
 * const optimizer = new AdamW(trainedParameters(net, head), { learningRate: 1.5e-3 });
 */
export function trainedParameters(net: Module, head?: Module): Map<string, Parameter> {
  return new Map([...net.namedParameters(), ...(head?.namedParameters() ?? [])]);
}

/** Options of `trainStep`. */
export type TrainStepOptions = {
  net: SyncModel;
  /** Further parameters that the loss uses, such as a `ContrastiveTemperature`. */
  head?: Module;
  /** Over `trainedParameters(net, head)`; set its `learningRate` before the step where it follows a schedule. */
  optimizer: AdamW;
  /** Borrowed. Several: their gradients are averaged, weighted by rows, then one step is taken. */
  batch: ExpertBatch | readonly ExpertBatch[];
  /** `pairLoss()` or `contrastLoss({ ... })`, or one of your own. */
  loss: ExpertLoss;
  /** Largest norm of all gradients together. Default 1. */
  clipNorm?: number;
  /**
   * Most rows in the network at a time. Memory is that of one chunk; loss and gradients stay those of the whole batch
   * (every row still competes with all others); all chunks but the last go forward twice. Default: all rows.
   */
  chunk?: number;
  /**
   * The exchange with the other replicas of a data-parallel run, usually a `SharedExchange`. `batch.frames` and
   * `batch.features` are then this replica's rows, in order of rank, `labels` and `clips` those of all. Loss, gradients
   * and step are the same in each replica, so networks that were equal stay equal, bit by bit. Needs a backend with
   * synchronous reads: wasm or cpu. Default: none.
   */
  exchange?: ReplicaExchange;
  /**
   * Names of the network's parameters that only the loss uses, not the towers, such as DINet's `merge_encoder`.
   * Default: none.
   */
  lossParameters?: ReadonlySet<string>;
  /** Follows the network after the step. */
  ema?: ExponentialMovingAverage;
};

/** Figures of a step, from before its update. Means over the batches; a cosine is NaN where no batch had such pairs. */
export type TrainStepResult = {
  loss: number;
  positiveCosine: number;
  negativeCosine: number;
  /** Before clipping. */
  gradientNorm: number;
};

/**
 * One training step: forward in training mode, loss, gradients, clipping, AdamW, moving average.
 *
 * Source: LatentSync's loop (clipping at 1.0) in float32. Chunks: GradCache (Gao et al. 2021); against the undivided
 * step the loss differs by less than 1e-6 and each gradient by less than 1e-4 of its largest value (of 0.01 at least),
 * see the test.
 *
 * Networks with BatchNorm take the statistics of each chunk and each replica separately, as PyTorch's
 * DistributedDataParallel does, so there the division changes the loss; running statistics follow each chunk once, and
 * differ between replicas. Dropout has other masks for another division.
 *
 * Makes no tensor that outlives it, save the optimiser's own. The network is left in the mode that it was in; its
 * `weightsHash` is dropped.
 *
 * @throws NonFiniteLoss if loss or gradients are not finite; weights, moments and average are then as they were. What
 *   `exchange` throws.
 * @example
 * import { AVAlignNet, ContrastiveTemperature, contrastLoss, LITE } from '@lipsync/avalignnet';
 * import { AdamW } from '@lipsync/nn';
 * import { trainedParameters, trainStep } from '@lipsync/train';
 * const net = new AVAlignNet(LITE, { seed: 0 });
 * const head = new ContrastiveTemperature();
 * const optimizer = new AdamW(trainedParameters(net, head), { learningRate: 1.5e-3 });
 * const loss = contrastLoss({ temperature: head });
 * const figures = await trainStep({ net, head, optimizer, batch, loss, chunk: 32 });
 * console.log(figures.loss, figures.gradientNorm);
 */
export async function trainStep(options: TrainStepOptions): Promise<TrainStepResult> {
  const { net, optimizer, clipNorm = 1, ema } = options;
  const batches = checkedBatches(options);
  const training = net.training;
  const parts: ExpertLossParts[] = [];
  let gradients: Map<string, tf.Tensor> | undefined; // by name, each of its parameter's shape
  let norm: tf.Scalar | undefined;
  try {
    net.train();
    gradients = await meanGradients(options, batches, parts);
    norm = clipGradientNorm(gradients, clipNorm);
    const [gradientNorm] = await norm.data();
    const figures = await stepFigures(parts, batches);
    if (!Number.isFinite(gradientNorm) || !figures.losses.every(Number.isFinite)) {
      const text = `loss ${figures.losses.join(', ')} and gradient norm ${gradientNorm}`;
      throw new NonFiniteLoss(`trainStep: the step must be finite, got ${text}`, { loss: figures.loss, gradientNorm });
    }
    optimizer.step(gradients);
    ema?.update(optimizer.stepCount - 1);
    const { loss, positiveCosine, negativeCosine } = figures;
    return { loss, positiveCosine, negativeCosine, gradientNorm };
  } finally {
    net.train(training);
    norm?.dispose();
    if (gradients) disposeGradients(gradients);
    for (const each of parts) tf.dispose(Object.values(each));
  }
}

function checkedBatches({ batch, chunk, exchange }: TrainStepOptions): readonly ExpertBatch[] {
  const batches = Array.isArray(batch) ? (batch as readonly ExpertBatch[]) : [batch as ExpertBatch];
  if (batches.length === 0) fail(RangeError, 'trainStep', 'batch', 'one batch at least', 'none');
  for (const { frames, features } of batches) {
    const rows = frames.shape[0];
    if (rows !== features.shape[0])
      fail(TypeError, 'trainStep', 'batch.features', `of as many rows as batch.frames (${rows})`, features.shape[0]);
  }
  if (chunk !== undefined && !(Number.isInteger(chunk) && chunk >= 1))
    fail(RangeError, 'trainStep', 'chunk', 'a whole number from 1', chunk);
  if (exchange && batches.length > 1)
    fail(TypeError, 'trainStep', 'batch', 'one where replicas share it', `${batches.length} of them`);
  return batches;
}

/**
 * The gradients of all batches by name, each of its parameter's shape, weighted by rows; puts the parts of each loss
 * into `parts`.
 */
async function meanGradients(
  options: TrainStepOptions,
  batches: readonly ExpertBatch[],
  parts: ExpertLossParts[],
): Promise<Map<string, tf.Tensor>> {
  const step = options.optimizer.stepCount; // the same dropout masks where a run is resumed
  const gradientsOf = async (batch: ExpertBatch, firstRow: number) => {
    const made = await batchGradients({ ...options, batch, step, firstRow });
    parts.push(made.parts);
    return made.gradients;
  };
  if (batches.length === 1) return gradientsOf(batches[0], 0);
  const accumulator = new GradientAccumulator();
  try {
    let rows = 0;
    for (const batch of batches) {
      const partial = await gradientsOf(batch, rows);
      accumulator.add(partial, batch.frames.shape[0]);
      disposeGradients(partial);
      rows += batch.frames.shape[0];
    }
    return accumulator.take();
  } finally {
    accumulator.dispose();
  }
}

/** The losses of all batches, and the means of loss and cosines weighted by rows. */
async function stepFigures(parts: readonly ExpertLossParts[], batches: readonly ExpertBatch[]) {
  const rows = batches.map(({ frames }) => frames.shape[0]);
  const read = (name: keyof ExpertLossParts) => Promise.all(parts.map(async (part) => (await part[name].data())[0]));
  const [losses, positive, negative] = [await read('loss'), await read('positiveCosine'), await read('negativeCosine')];
  return {
    losses,
    loss: meanOfKnown(losses, rows),
    positiveCosine: meanOfKnown(positive, rows),
    negativeCosine: meanOfKnown(negative, rows),
  };
}

/** Weighted mean of the values that are not NaN; NaN where there are none. */
function meanOfKnown(values: number[], weights: number[]): number {
  let [sum, total] = [0, 0];
  values.forEach((value, index) => {
    if (Number.isNaN(value)) return;
    sum += value * weights[index];
    total += weights[index];
  });
  return sum / total;
}
