import { fail } from '@lipsync/contracts';
import { GradientAccumulator, clipGradientNorm, disposeGradients, setDropoutStep, valueAndGradients } from '@lipsync/nn';
import type { AdamW, ExponentialMovingAverage, Module, Parameter } from '@lipsync/nn';
import * as tf from '@tensorflow/tfjs-core';
import type { MelBatch, MouthBatch } from '@lipsync/contracts';
import type { SyncBatch, SyncEmbeddings, SyncLoss } from './sync-loss';

/** A network of two towers that `trainStep` can train: AVAlignNet, and those of `@lipsync/syncnet`. */
export type SyncModel = Module & { forward(frames: MouthBatch, mel: MelBatch): SyncEmbeddings };

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
 * Source: LatentSync's loop (clipping at 1.0) in float32.
 *
 * Makes no tensor that outlives it, save the optimiser's own. The network is left in the mode that it was in; its
 * `weightsHash` is dropped.
 *
 * @throws Error if loss or gradients are not finite; weights, moments and average are then as they were.
 * @example
 * const { loss, gradientNorm } = await trainStep({ net, head, optimizer, batch, loss: contrastLoss({ temperature: head }) });
 */
export async function trainStep(options: TrainStepOptions): Promise<TrainStepResult> {
  const { net, head, optimizer, batch, loss, clipNorm = 1, ema } = options;
  const batches = Array.isArray(batch) ? (batch as readonly SyncBatch[]) : [batch as SyncBatch];
  if (batches.length === 0) fail(RangeError, 'trainStep', 'batch', 'one batch at least', 'none');
  for (const { frames, mel } of batches) {
    if (frames.shape[0] !== mel.shape[0]) {
      fail(TypeError, 'trainStep', 'batch.mel', `of as many rows as batch.frames (${frames.shape[0]})`, mel.shape[0]);
    }
  }
  const training = net.training;
  const gathered: tf.Scalar[][] = [];
  let gradients: Map<string, tf.Tensor> | undefined;
  let norm: tf.Scalar | undefined;
  try {
    net.train();
    setDropoutStep(net, optimizer.stepCount); // the same masks where a run is taken up again
    if (batches.length === 1) {
      gradients = gradientsOf(net, head, batches[0], loss, gathered);
    } else {
      const accumulator = new GradientAccumulator();
      try {
        for (const part of batches) {
          const partial = gradientsOf(net, head, part, loss, gathered);
          accumulator.add(partial, part.frames.shape[0]);
          disposeGradients(partial);
        }
        gradients = accumulator.take();
      } finally {
        accumulator.dispose();
      }
    }
    norm = clipGradientNorm(gradients, clipNorm);
    const [gradientNorm] = await norm.data();
    const parts = await Promise.all(gathered.map((row) => Promise.all(row.map(async (scalar) => (await scalar.data())[0]))));
    const [meanLoss, positiveCosine, negativeCosine] = [0, 1, 2].map((column) =>
      meanOfKnown(parts.map((row) => row[column]), batches.map(({ frames }) => frames.shape[0])),
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

/** Adds `[loss, positiveCosine, negativeCosine]` to `gathered`; the caller disposes them and the gradients. */
function gradientsOf(
  net: SyncModel,
  head: Module | undefined,
  batch: SyncBatch,
  loss: SyncLoss,
  gathered: tf.Scalar[][],
): Map<string, tf.Tensor> {
  const cosines: tf.Scalar[] = [];
  let refusal: unknown;
  try {
    const { value, gradients } = valueAndGradients(head ? [net, head] : net, () => {
      const embeddings = net.forward(batch.frames, batch.mel);
      try {
        const parts = loss(embeddings, batch);
        cosines.push(tf.keep(parts.positiveCosine), tf.keep(parts.negativeCosine));
        return parts.loss;
      } catch (error) {
        // Thrown through tfjs, the error would leave all maps of the forward pass behind: it frees them after a backward pass only.
        refusal = error;
        return tf.add(tf.sum(embeddings.vision), tf.sum(embeddings.audio)) as tf.Scalar;
      }
    });
    gathered.push([value, ...cosines]);
    if (refusal !== undefined) disposeGradients(gradients);
    else return gradients;
  } catch (error) {
    tf.dispose(cosines);
    throw refusal ?? error;
  }
  throw refusal;
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
