import type { VerdictCalibration } from '@lipsync/contracts';
import { type Embedder, SyncScorer, type SyncVerdict, syncVerdict, type VerdictFacts } from '@lipsync/metrics';
import type { RowRuns } from './row-runs';

export type WindowVerdictOptions = {
  /** First frame of the window, and the one after its last. */
  from: number;
  to: number;
  /** Time of frame 0, seconds. */
  originSec: number;
  expert: Embedder['expert'];
  calibration?: VerdictCalibration;
  facts: VerdictFacts;
};

/**
 * The verdict on a stretch of a stream, as on a clip of these frames and their audio. Where frames or audio are missing,
 * what stays is measured piece by piece, each with its own audio only, and taken together.
 *
 * @returns undefined where there is no frame with audio.
 */
export function windowVerdict(
  visual: RowRuns,
  audio: RowRuns,
  { from, to, originSec, expert, calibration, facts }: WindowVerdictOptions,
): SyncVerdict | undefined {
  const { space, embeddingSize: dimension, recipe } = expert;
  if (space === 'joint') return undefined;
  const pieces = visual.runs.flatMap((visualRun) =>
    audio.runs.flatMap((audioRun) => {
      const first = Math.max(from, visualRun.from, audioRun.from);
      const end = Math.min(to, visualRun.to, audioRun.to);
      if (first >= end) return [];
      const scorer = new SyncScorer({ space, dimension, fps: recipe.fps });
      scorer.update({ visual: visualRun.rows(first, end), audio: audioRun.rows(first, end) });
      return [{ first, score: scorer.compute() }];
    }),
  );
  if (pieces.length === 0) return undefined;
  const [{ first, score }] = pieces;
  const options = { ...facts, calibration, startSec: originSec + first / recipe.fps, windowFrames: recipe.frameCount };
  if (pieces.length === 1) return syncVerdict(score, options);
  const stretches = pieces.flatMap((piece) =>
    piece.score.alignment.stretches.map((stretch) => ({
      ...stretch,
      firstFrame: stretch.firstFrame + piece.first - first,
    })),
  );
  return syncVerdict({ alignment: { ...score.alignment, stretches }, space }, options);
}
