import { sha256Hex } from '@lipsync/checkpoints';
import { AUDIO_FEATURES, calibrationText, fail, frameShape, type SyncRecipe } from '@lipsync/contracts';
import type { SyncExpert } from '@lipsync/contracts/tensors';
import type { Module } from '@lipsync/nn';
import type * as tf from '@tensorflow/tfjs-core';
import { encodeOnnxModel, isRounded, type OnnxModel } from './format/onnx-model';
import type { Constant } from './graph/fold-constants';
import { type ForwardPass, traceModel } from './graph/trace-model';

export type ExportOnnxOptions = {
  /** Stores large weights as float16: half the bytes; see `exportOnnx` for what it costs. Default false. */
  float16?: boolean;
};

/** The files of an expert, each as a list of chunks: `writeFileAtomic` of @lipsync/checkpoints writes them. */
export type OnnxFiles = {
  /** From `frames` `[batch, height, width, frameCount * 3]` to `embedding` `[batch, embeddingSize]`. */
  visual: Uint8Array[];
  /** From `features` `[batch, bins, featureSteps, 1]` to `embedding` `[batch, embeddingSize or audioEmbeddingSize]`. */
  audio: Uint8Array[];
  /** Of `joint` networks: from `frames` and `audio`, two embeddings, to `distance` `[batch]`. */
  pair?: Uint8Array[];
};

/** Which of an expert's networks a file holds. */
export type OnnxPart = keyof OnnxFiles;

/**
 * Exports an expert as ONNX files: its visual network, its audio network, and of a `joint` network the one for their
 * distance.
 *
 * The network is traced: its forward passes run on a backend that records the operations, so any network of tfjs
 * operations is exported. BatchNorms are folded into the convolutions before them, weights keep their PyTorch names and
 * shapes, the batch size is free. Each file's metadata hold name, recipe, space and hash of the weights, so that
 * `readOnnxExpert` gives a complete expert.
 *
 * Operators of opset 17 (onnxruntime from 1.13 on). Largest difference of the embeddings in onnxruntime from those of
 * the same network here: see the README.
 *
 * @param expert borrowed, in evaluation mode. Weights are read from the current backend.
 * @returns the files' bytes, float32 or float16 weights as copies; the caller's.
 * @throws Error for a network in training mode, or with an operation that has no ONNX counterpart.
 * @example
 * import { writeFileAtomic } from '@lipsync/checkpoints';
 * import { exportOnnx } from '@lipsync/onnx';
 * const { visual, audio } = await exportOnnx(expert);
 * await writeFileAtomic('expert.visual.onnx', visual);
 * await writeFileAtomic('expert.audio.onnx', audio);
 */
export async function exportOnnx(expert: SyncExpert, { float16 = false }: ExportOnnxOptions = {}): Promise<OnnxFiles> {
  const models = await onnxModels(expert, { float16 });
  const encode = (model: OnnxModel) => encodeOnnxModel(model, { float16 });
  return {
    visual: encode(models.visual),
    audio: encode(models.audio),
    ...(models.pair ? { pair: encode(models.pair) } : {}),
  };
}

/** The models before encoding. */
export async function onnxModels(
  expert: SyncExpert,
  { float16 = false }: ExportOnnxOptions = {},
): Promise<Record<'visual' | 'audio', OnnxModel> & { pair?: OnnxModel }> {
  if ((expert as Partial<Module>).training === true)
    fail(Error, 'exportOnnx', 'expert', 'in evaluation mode (call eval())', 'in training mode');
  const { recipe, embeddingSize, audioEmbeddingSize = embeddingSize } = expert;
  const { height, width } = frameShape(recipe.crop);
  const names = weightNames(expert);
  const nameOf = ({ tensor }: Constant) => (tensor ? names.get(tensor.dataId) : undefined);
  const model = async (part: OnnxPart, pass: Omit<ForwardPass, 'nameOf'>): Promise<OnnxModel> => ({
    name: `${expert.name} ${part}`,
    ...(await traceModel({ ...pass, nameOf })),
    metadata: { part },
  });
  const visual = await model('visual', {
    inputs: { frames: [height, width, recipe.frameCount * 3] },
    output: 'embedding',
    forward: (frames) => expert.encodeVisual(frames as tf.Tensor4D),
  });
  const audio = await model('audio', {
    inputs: { features: [AUDIO_FEATURES[recipe.features].bins, recipe.featureSteps, 1] },
    output: 'embedding',
    forward: (features) => expert.encodeAudio(features as tf.Tensor4D),
  });
  const pairDistances = expert.pairDistances?.bind(expert);
  const pair =
    pairDistances &&
    (await model('pair', {
      inputs: { frames: [embeddingSize], audio: [audioEmbeddingSize] },
      output: 'distance',
      forward: (frames, features) => pairDistances(frames as tf.Tensor2D, features as tf.Tensor2D),
    }));
  const models = { visual, audio, ...(pair ? { pair } : {}) };
  const metadata = await expertMetadata(expert, { float16, rounded: float16 && Object.values(models).some(isRounded) });
  for (const each of Object.values(models)) each.metadata = { ...metadata, ...each.metadata };
  return models;
}

/** An expert's description, as in a file's metadata. */
export type OnnxExpertInfo = Pick<
  SyncExpert,
  'name' | 'recipe' | 'embeddingSize' | 'audioEmbeddingSize' | 'space' | 'weightsHash' | 'calibration'
>;

async function expertMetadata(
  expert: SyncExpert,
  { float16, rounded }: { float16: boolean; rounded: boolean },
): Promise<Record<string, string>> {
  const { name, space, recipe, embeddingSize, audioEmbeddingSize, weightsHash, calibration } = expert;
  // Rounded weights have another hash; those of a file that is in float16 already are not rounded.
  const hash =
    weightsHash !== undefined && rounded
      ? await sha256Hex(new TextEncoder().encode(`${weightsHash} float16`))
      : weightsHash;
  return {
    name,
    space,
    recipe: JSON.stringify(recipe satisfies SyncRecipe),
    embeddingSize: `${embeddingSize}`,
    ...(audioEmbeddingSize === undefined ? {} : { audioEmbeddingSize: `${audioEmbeddingSize}` }),
    ...(hash === undefined ? {} : { weightsHash: hash }),
    ...(calibration === undefined ? {} : { calibration: calibrationText(calibration) }),
    ...(float16 ? { weights: 'float16' } : {}),
  };
}

/** PyTorch's names of a network's weights. */
function weightNames(expert: SyncExpert): Map<object, string> {
  const { namedParameters, namedBuffers } = expert as Partial<Module>;
  const entries = [...(namedParameters?.call(expert) ?? []), ...(namedBuffers?.call(expert) ?? [])];
  return new Map(entries.map(([name, { variable }]) => [variable.dataId, name]));
}
