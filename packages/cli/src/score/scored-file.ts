import { createHash } from 'node:crypto';
import { stat } from 'node:fs/promises';
import { resolve } from 'node:path';
import { hashFile } from '@lipsync/dataloader';
import type { ScoreProtocol, VideoScore } from '@lipsync/score';
import { whyNoFile } from '../terminal/media-options';
import { type WeightsFacts, weightsFacts } from '../weights/weights-facts';
import type { ScoreWords } from './score-options';

/** Which bytes were scored. */
export type InputFacts = { bytes: number; modifiedMs: number; sha256: string };

/** The score of a file, with all that has to be known to take it for the score of that file later. */
export type ScoredFile = VideoScore & {
  weights: WeightsFacts;
  /** SHA-256 of all options that a score depends on, weights and protocol included. */
  settings: string;
  /** Missing where the file could not be read, or the scoring broke down: it is scored again. */
  input?: InputFacts;
};

/** How a scorer measures. */
export type ScorerFacts = { protocol: ScoreProtocol } & Pick<ScoredFile, 'weights' | 'settings'>;

/** Scores one video after the other with the network, the reader and the detector that a command line names. */
export type Scorer = ScorerFacts & {
  /** The score of a file, by the name that the user gave it. */
  score(file: string): Promise<ScoredFile>;
  /** Writes a copy in sync; see `fixVideo`. Missing where the scorer is in another process. */
  fix?(out: string, before: ScoredFile): Promise<boolean>;
  /** Whether all pictures that were asked for were written. Missing likewise. */
  allPictures?(): boolean;
  dispose(): Promise<void>;
};

/** The facts of a scorer with these options. */
export function scorerFacts(options: ScoreWords, protocol: ScoreProtocol): ScorerFacts {
  const { landmarkQuality, landmarkDetector, audioTrack, videoTrack, damage, prefix } = options;
  const weights = weightsFacts(options.weights, protocol.weightsHash);
  const by = { hash: protocol.hash, recipe: protocol.recipe, weights: weights.sha256 ?? weights.name, prefix };
  const read = { landmarkQuality, landmarkDetector, audioTrack, videoTrack, damage };
  const settings = createHash('sha256')
    .update(JSON.stringify({ ...by, ...read }))
    .digest('hex');
  return { protocol, weights, settings };
}

/** Facts of a file; undefined where it cannot be read. */
export async function inputFacts(file: string): Promise<InputFacts | undefined> {
  try {
    const { size, mtimeMs } = await stat(resolve(file));
    return { bytes: size, modifiedMs: mtimeMs, sha256: await hashFile(resolve(file)) };
  } catch {
    return undefined;
  }
}

/** Whether a file is what it was: its size and time, or else its bytes. */
export async function isUnchanged(file: string, { bytes, modifiedMs, sha256 }: InputFacts): Promise<boolean> {
  const entry = await stat(resolve(file)).catch(() => undefined);
  if (entry?.size !== bytes) return false;
  return entry.mtimeMs === modifiedMs || (await hashFile(resolve(file)).catch(() => '')) === sha256;
}

/** The score of a file, or why there is none: nothing that is wrong with one file ends a batch. */
export async function scoreOrReason(scorer: Scorer, file: string): Promise<ScoredFile> {
  const reason = await whyNoFile(file);
  if (reason !== undefined) return failedScore(scorer, file, `not read: ${reason}`);
  try {
    return await scorer.score(file);
  } catch (error) {
    return failedScore(scorer, file, `failed: ${(error as Error).message.split('\n')[0]}`);
  }
}

/** The result of a file that was not scored. */
export function failedScore({ protocol, weights, settings }: ScorerFacts, file: string, problem: string): ScoredFile {
  const { fps } = protocol.recipe;
  return { file, fps, frameCount: 0, faces: [], problems: [problem], notes: [], protocol, weights, settings };
}
