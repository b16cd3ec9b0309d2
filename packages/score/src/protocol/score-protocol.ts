import { fail, frameShape, type SyncRecipe } from '@lipsync/contracts';
import type { SyncExpert } from '@lipsync/contracts/tensors';
import { type ExpertFacts, PROTOCOLS, protocolHash, type SyncProtocol } from '@lipsync/metrics';
import { engineOf } from '../embed/engine';

/** How a score was measured: what has to be known before two scores are compared. */
export type ScoreProtocol = SyncProtocol & {
  /** SHA-256 of the protocol's rules. */
  hash: string;
  expert: string;
  /** SHA-256 of the weights file. */
  weightsHash?: string;
  /** What computed the embeddings, with its version, such as `onnxruntime-node 1.30.0`. */
  engine: string;
  /** How the expert's input was prepared. */
  recipe: SyncRecipe;
  space: SyncExpert['space'];
  /** Where this implementation differs from the source of the protocol. */
  deviations: string[];
};

export type ProtocolOptions = {
  /** A published evaluation. Default `PROTOCOLS.recipe`: the expert's own crop, every window. */
  protocol?: SyncProtocol;
  /** Largest offset that is tried, frames. Default: the protocol's, 15. */
  maxShift?: number;
  /** What windows beyond the ends are compared with, see `SyncScorerOptions`. Default: the protocol's, `zero`. */
  edges?: 'zero' | 'overlap';
};

/**
 * The protocol that `scoreVideo` follows with these options, with the provenance of its scores.
 *
 * @throws TypeError for an expert that takes frames of another size than the protocol's.
 * @example
 * const { hash, deviations } = await scoreProtocol(expert, { protocol: PROTOCOLS['syncnet-pipeline'] });
 */
export async function scoreProtocol(expert: ExpertFacts, options: ProtocolOptions = {}): Promise<ScoreProtocol> {
  const { protocol = PROTOCOLS.recipe, maxShift = protocol.maxShift, edges = protocol.edges } = options;
  const rules: SyncProtocol = { ...protocol, maxShift, edges };
  const { name, weightsHash, space } = expert;
  const deviations = deviationsFrom(rules);
  return {
    ...rules,
    hash: await protocolHash(rules),
    expert: name,
    ...(weightsHash === undefined ? {} : { weightsHash }),
    engine: engineOf(expert),
    recipe: recipeUnder(expert, rules),
    space,
    deviations,
  };
}

/** Where the rules, as they are carried out here, differ from the source of the protocol. */
function deviationsFrom({ crop, frames, tracks }: SyncProtocol): string[] {
  if (crop === undefined) return [];
  const detector =
    'faces are found and followed by the detector of @lipsync/face-crop, not S3FD within shots; ' +
    'boxes are put around its landmarks';
  if (frames === 'jpeg') return tracks ? [detector] : [];
  if (tracks)
    return [
      detector,
      'crops are cut from frames that are decoded straight to RGB: the source transcodes the video and writes crops ' +
        'to MPEG-4 files, with JPEG files after both',
      'audio is resampled in floating point and starts with the first frame: the source’s comes from the transcoded ' +
        'file, with the delay of its encoder',
    ];
  return [
    'frames are decoded straight to RGB: no JPEG files in between',
    'frames are those nearest to 25 a second: the source counts every frame of the file as 1/25 s',
    'audio is resampled in floating point and starts with the first frame: the source resamples 16-bit audio in 16 bits',
  ];
}

/** The recipe by which an expert's input is prepared under a protocol. */
function recipeUnder(expert: ExpertFacts, { crop, name }: SyncProtocol): SyncRecipe {
  if (crop === undefined) return expert.recipe;
  const [wanted, given] = [frameShape(expert.recipe.crop), frameShape(crop)];
  if (wanted.height !== given.height || wanted.width !== given.width) {
    const rule = `one that takes ${given.height} x ${given.width} pixels, as protocol ${name} does`;
    fail(TypeError, 'scoreVideo', 'expert', rule, `${expert.name}, which takes ${wanted.height} x ${wanted.width}`);
  }
  return { ...expert.recipe, crop };
}
