import type { ExpertBatch, ExpertLoss, ExpertLossParts, SyncEmbeddings } from '@lipsync/avalignnet';
import type { EmbeddingBatch, FeatureBatch, MouthBatch } from '@lipsync/contracts/tensors';
import type { Module, Parameter } from '@lipsync/nn';
import { disposeGradients, parametersOf, setDropoutStep, valueAndGradients } from '@lipsync/nn';
import * as tf from '@tensorflow/tfjs-core';
import type { SharedExchange } from '../replicas/shared-exchange';
import { evenShare } from './even-share';

/** A two-tower network that `trainStep` can train: AVAlignNet, and those of `@lipsync/syncnet`. */
export type SyncModel = Module & {
  forward(frames: MouthBatch, features: FeatureBatch): SyncEmbeddings;
};

/** What the replicas of a run exchange; `SharedExchange` does it between threads. */
export type ReplicaExchange = Pick<SharedExchange, 'rank' | 'count' | 'gather' | 'sum'>;

export type BatchGradientsOptions = {
  net: SyncModel;
  head?: Module;
  batch: ExpertBatch;
  loss: ExpertLoss;
  /** Most rows in the network at a time. */
  chunk?: number;
  exchange?: ReplicaExchange;
  /** Names of the network's parameters that only the loss uses, not the towers. Default none. */
  lossParameters?: ReadonlySet<string>;
  /** The step, and how many rows of it came before: the dropout masks depend on both. */
  step: number;
  firstRow?: number;
};

/** Gradients by name, each of its parameter's shape, and the parts of the loss; the caller disposes both. */
export type BatchGradients = { gradients: Map<string, tf.Tensor>; parts: ExpertLossParts };

/** Names of the cached embeddings among the parameters; no module's name has a bracket. */
const [CACHED_VISUAL, CACHED_AUDIO] = ['(visual)', '(audio)'];

/** Dropout masks of a replica's rows start at this multiple of its rank. */
const REPLICA_ROWS = 2 ** 16;

/**
 * Gradients of a loss over a whole batch of which only a chunk is in the network at a time, or which several replicas
 * share.
 *
 * The embeddings of all chunks but the last are computed first and cached without their tape. The last chunk's
 * embeddings are computed on the tape and appended, and the loss is taken once over all rows: that gives the gradients
 * by the head, by the network through the last chunk, and by each cached embedding. Each of the other chunks then goes
 * through the network again, on the tape, with `sum(embedding · gradient by it)` as its loss. So any loss of the
 * embeddings gets its exact gradient, with the memory of one chunk, for one more forward pass of all chunks but one.
 *
 * Each replica has its own rows. In the middle of the tape the replicas exchange their embeddings, take those of the
 * others as constants, and compute the same loss; its gradient by the network is the sum of theirs. The gradient by the
 * head is the same in each and is counted once.
 *
 * Source: GradCache (Gao et al. 2021), with the last chunk not cached.
 */
export async function batchGradients(options: BatchGradientsOptions): Promise<BatchGradients> {
  const { batch, chunk, exchange } = options;
  const rows = batch.frames.shape[0];
  const count = chunk === undefined ? 1 : Math.ceil(rows / chunk);
  const forward = (part: number) => forwardChunk(options, part, count);
  const cached = cacheEmbeddings(count - 1, forward);
  let whole: BatchGradients | undefined;
  try {
    whole = gradientsOfLoss(options, cached, () => forward(count - 1));
    if (count > 1) addGradientsOfChunks(options, whole.gradients, { count, forward });
    if (exchange) {
      keepOnce(options, whole.gradients, exchange.rank);
      await exchange.sum(whole.gradients);
    }
    return whole;
  } catch (error) {
    if (whole) {
      disposeGradients(whole.gradients);
      tf.dispose(Object.values(whole.parts));
    }
    throw error;
  } finally {
    for (const { variable } of cached.values()) variable.dispose();
  }
}

/** The embeddings of one chunk. */
function forwardChunk(
  { net, batch, exchange, step, firstRow = 0 }: BatchGradientsOptions,
  part: number,
  count: number,
): SyncEmbeddings {
  const [first, end] = evenShare(batch.frames.shape[0], part, count);
  const row = firstRow + (exchange?.rank ?? 0) * REPLICA_ROWS + first;
  // The same masks each time this chunk goes through, and other masks for each chunk; the step takes the low 32 bits.
  setDropoutStep(net, step + row * 2 ** 32);
  if (count === 1) return net.forward(batch.frames, batch.features);
  return tf.tidy(() => net.forward(rowsOf(batch.frames, first, end), rowsOf(batch.features, first, end)));
}

/** The embeddings of the first `count` chunks as two variables; none for 0 chunks. */
function cacheEmbeddings(count: number, forward: (part: number) => SyncEmbeddings): Map<string, Parameter> {
  const cached = new Map<string, Parameter>();
  const made: SyncEmbeddings[] = [];
  try {
    for (let part = 0; part < count; part++) made.push(forward(part));
    for (const [name, tower] of [
      [CACHED_VISUAL, 'visual'],
      [CACHED_AUDIO, 'audio'],
    ] as const) {
      if (count === 0) continue;
      const variable = tf.tidy(() => tf.variable(tf.concat(made.map((embeddings) => embeddings[tower]))));
      cached.set(name, { variable, layout: 'same' });
    }
    return cached;
  } catch (error) {
    for (const { variable } of cached.values()) variable.dispose();
    throw error;
  } finally {
    for (const { visual, audio } of made) tf.dispose([visual, audio]);
  }
}

/**
 * Adds what all chunks but the last contribute to the gradients, each of its parameter's shape; removes those by the
 * cached embeddings.
 */
function addGradientsOfChunks(
  { net, batch, lossParameters }: BatchGradientsOptions,
  gradients: Map<string, tf.Tensor>,
  { count, forward }: { count: number; forward: (part: number) => SyncEmbeddings },
): void {
  const byVisual = gradients.get(CACHED_VISUAL) as tf.Tensor2D;
  const byAudio = gradients.get(CACHED_AUDIO) as tf.Tensor2D;
  const statistics = [...net.namedBuffers().values()].map(({ variable }) => ({ variable, kept: tf.clone(variable) }));
  const towers = new Map([...net.namedParameters()].filter(([name]) => !lossParameters?.has(name)));
  try {
    for (let part = 0; part < count - 1; part++) {
      const [first, end] = evenShare(batch.frames.shape[0], part, count);
      const { value, gradients: further } = valueAndGradients(towers, () => {
        const { visual, audio } = forward(part);
        const product = (embeddings: tf.Tensor2D, by: tf.Tensor2D) =>
          tf.sum(tf.mul(embeddings, rowsOf(by, first, end)));
        return tf.add(product(visual, byVisual), product(audio, byAudio)) as tf.Scalar;
      });
      value.dispose();
      for (const [name, more] of further) {
        // both of their parameter's shape
        const sum = tf.add(gradients.get(name) as tf.Tensor, more);
        gradients.get(name)?.dispose();
        more.dispose();
        gradients.set(name, sum);
      }
    }
  } finally {
    for (const { variable, kept } of statistics) {
      variable.assign(kept); // running statistics follow each chunk once, not twice
      kept.dispose();
    }
    for (const name of [CACHED_VISUAL, CACHED_AUDIO]) {
      gradients.get(name)?.dispose();
      gradients.delete(name);
    }
  }
}

/**
 * Every replica computes the same gradients, of any rank, by the loss's own parameters: only those of replica 0 are
 * summed.
 */
function keepOnce(
  { head, lossParameters = new Set() }: BatchGradientsOptions,
  gradients: Map<string, tf.Tensor>,
  rank: number,
): void {
  if (rank === 0) return;
  for (const name of [...(head?.namedParameters().keys() ?? []), ...lossParameters]) {
    const own = gradients.get(name) as tf.Tensor;
    gradients.set(name, tf.zerosLike(own));
    own.dispose();
  }
}

/** Rows `first` to `end` of `[rows, ...]`, any rank. */
function rowsOf<T extends tf.Tensor>(x: T, first: number, end: number): T {
  return tf.slice(x, [first, ...new Array<number>(x.rank - 1).fill(0)], [end - first, ...x.shape.slice(1)]);
}

/** The loss over all rows, and its gradients by network, head and cached embeddings. */
function gradientsOfLoss(
  { net, head, batch, loss, exchange }: BatchGradientsOptions,
  cached: Map<string, Parameter>,
  forward: () => SyncEmbeddings,
): BatchGradients {
  const cosines: tf.Scalar[] = [];
  let refusal: unknown;
  try {
    const trainable = new Map([...parametersOf(head ? [net, head] : net), ...cached]);
    const { value, gradients } = valueAndGradients(trainable, () => {
      const { visual, audio } = forward();
      const behind = (name: string, own: EmbeddingBatch): EmbeddingBatch =>
        cached.size === 0
          ? own
          : tf.concat([(cached.get(name) as Parameter).variable as tf.Tensor as EmbeddingBatch, own]);
      const own = { visual: behind(CACHED_VISUAL, visual), audio: behind(CACHED_AUDIO, audio) };
      try {
        const parts = loss(exchange ? withOthers(own, exchange) : own, batch);
        cosines.push(tf.keep(parts.positiveCosine), tf.keep(parts.negativeCosine));
        return parts.loss;
      } catch (error) {
        // Thrown through tfjs, the error would leave all maps of the forward pass behind: it frees them after a
        // backward pass only.
        refusal = error;
        return tf.add(tf.sum(own.visual), tf.sum(own.audio)) as tf.Scalar;
      }
    });
    const [positiveCosine, negativeCosine] = cosines;
    if (refusal === undefined) return { gradients, parts: { loss: value, positiveCosine, negativeCosine } };
    value.dispose();
    disposeGradients(gradients);
  } catch (error) {
    tf.dispose(cosines);
    throw refusal ?? error;
  }
  throw refusal;
}

/**
 * The embeddings of all replicas, in order of rank; gradients flow into one's own.
 *
 * Reads its own synchronously: `tf.variableGrads` cannot wait for a promise, and without this a replica would have to
 * run all its rows twice. So replicas need a backend with synchronous reads, wasm or cpu.
 */
function withOthers({ visual, audio }: SyncEmbeddings, exchange: ReplicaExchange): SyncEmbeddings {
  const values = new Float32Array(visual.size + audio.size);
  values.set(visual.dataSync<'float32'>());
  values.set(audio.dataSync<'float32'>(), visual.size);
  const [visualWidth, audioWidth] = [visual.shape[1], audio.shape[1]];
  const all = exchange.gather(values).map((theirs, rank): SyncEmbeddings => {
    if (rank === exchange.rank) return { visual, audio };
    const rows = theirs.length / (visualWidth + audioWidth);
    return {
      visual: tf.tensor2d(theirs.slice(0, rows * visualWidth), [rows, visualWidth]),
      audio: tf.tensor2d(theirs.slice(rows * visualWidth), [rows, audioWidth]),
    };
  });
  if (all.length === 1) return all[0];
  return { visual: tf.concat(all.map((each) => each.visual)), audio: tf.concat(all.map((each) => each.audio)) };
}
