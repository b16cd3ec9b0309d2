import {
  type ContrastiveTemperature,
  contrastLoss,
  type ExpertLoss,
  pairCosine,
  pairLoss,
  rampedWeight,
} from '@lipsync/avalignnet';
import { fail } from '@lipsync/contracts';
import { l2Normalize } from '@lipsync/nn';
import { contrastiveDistanceLoss, DinetSyncNet, scoreMapLoss } from '@lipsync/syncnet';
import * as tf from '@tensorflow/tfjs-core';
import type { TrainedNetwork } from './trained-network';
import type { TrainingPreset } from './training-presets';

/**
 * The loss of a step by its preset.
 *
 * @param options.temperature of the contrasting loss.
 * @param options.progress share of the run that is done, 0..1.
 */
export function expertLoss(
  net: TrainedNetwork,
  { loss, margin }: TrainingPreset,
  { temperature, progress }: { temperature?: ContrastiveTemperature; progress: number },
): ExpertLoss {
  if (loss === 'distance') return distanceLoss(margin);
  if (loss === 'map') return mapLoss(net);
  if (loss === 'cosine') return pairLoss();
  if (!temperature) return fail(TypeError, 'expertLoss', 'temperature', 'given for the contrasting loss', temperature);
  return contrastLoss({ temperature, crossEntropyWeight: rampedWeight(progress) });
}

/** Names of the parameters that only the loss uses: those that merge DINet's embeddings to a map of scores. */
export function lossParametersOf(net: TrainedNetwork): ReadonlySet<string> {
  if (!(net instanceof DinetSyncNet)) return new Set();
  return new Set([...net.namedParameters().keys()].filter((name) => name.startsWith('merge_encoder.')));
}

/** SyncNet's contrastive loss of distances; the cosines are those of the embeddings, for the log only. */
function distanceLoss(margin?: number): ExpertLoss {
  return ({ visual, audio }, { labels }) => {
    if (labels === undefined) fail(TypeError, 'distanceLoss', 'batch.labels', 'a tensor [batch] of 0 and 1', labels);
    const { loss } = contrastiveDistanceLoss(visual, audio, labels, { margin });
    return { loss, ...meansByLabel(pairCosine(l2Normalize(visual), l2Normalize(audio)), labels) };
  };
}

/** DINet's loss of score maps; in place of cosines the log has the pairs' scores. */
function mapLoss(net: TrainedNetwork): ExpertLoss {
  if (!(net instanceof DinetSyncNet)) return fail(TypeError, 'mapLoss', 'net', 'a DinetSyncNet', net.name);
  return ({ visual, audio }, { labels }) => {
    if (labels === undefined) fail(TypeError, 'mapLoss', 'batch.labels', 'a tensor [batch] of 0 and 1', labels);
    const map = net.scoreMap(visual, audio);
    return { loss: scoreMapLoss(map, labels), ...meansByLabel(tf.mean<tf.Tensor1D>(map, [1, 2, 3]), labels) };
  };
}

/** Mean of `[batch]` values over the pairs in sync, and over those off sync; NaN where there is no such pair. */
function meansByLabel(values: tf.Tensor1D, labels: tf.Tensor1D) {
  const inSync = tf.cast(labels, 'float32');
  const mean = (mask: tf.Tensor1D) => tf.div(tf.sum(tf.mul(values, mask)), tf.sum(mask)) as tf.Scalar;
  return { positiveCosine: mean(inSync), negativeCosine: mean(tf.sub<tf.Tensor1D>(1, inSync)) };
}
