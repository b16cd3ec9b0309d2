import type { FaceScore, VideoScore } from '@lipsync/score';

/** What `--fix` does about a score: shift the audio, nothing as it is in sync, or refuse. */
export type FixPlan =
  | { kind: 'shift'; face: FaceScore; offsetFrames: number; offsetSec: number }
  | { kind: 'in sync' }
  | { kind: 'refused'; reason: string };

/** Confidence below which nothing is shifted, where the command line does not say. */
const FIX_CONFIDENCE = 0.9;

/**
 * The shift that puts a video in sync, by the face whose match is surest. Faces without an answer, such as people who
 * listen, do not count; refused is whatever one shift cannot put right, or what is not sure enough.
 *
 * @param minConfidence 0..1. Default 0.9.
 */
export function planFix({ faces, problems }: VideoScore, minConfidence = FIX_CONFIDENCE): FixPlan {
  const refuse = (reason: string): FixPlan => ({ kind: 'refused', reason });
  if (faces.length === 0) return refuse(problems.join('; ') || 'there is no face with a score');
  const changing = faces.find(({ verdict }) => verdict.reason === 'offset changes' || verdict.drift !== null);
  if (changing) return refuse(`one shift does not put it right: ${changesOf(changing)}`);
  const told = faces.filter(({ verdict }) => verdict.offsetFrames !== null);
  if (told.length === 0) return refuse(faces.map(named).join('; '));
  const sure = (face: FaceScore) => face.verdict.confidence ?? -1;
  const [face, ...others] = told.sort((a, b) => sure(b) - sure(a));
  const { offsetFrames, offsetSec, confidence } = face.verdict;
  const other = others.find(({ verdict }) => Math.abs(verdict.offsetFrames! - offsetFrames!) > 1);
  if (other) return refuse(`the faces differ: ${named(face)}; ${named(other)}`);
  if (confidence === null)
    return refuse(
      'the network is not calibrated, so nothing says how sure the offset is (lipsync evaluate expert --calibrate)',
    );
  if (confidence < minConfidence)
    return refuse(
      `${named(face)}, but the confidence is ${confidence.toFixed(2)}, below ${minConfidence} (--min-confidence)`,
    );
  if (offsetFrames === 0) return { kind: 'in sync' };
  return { kind: 'shift', face, offsetFrames: offsetFrames!, offsetSec: offsetSec! };
}

const named = ({ place, sentence }: FaceScore) => (place === null ? sentence : `${place}: ${sentence}`);

function changesOf({ sentence, verdict: { drift, reason } }: FaceScore): string {
  if (!drift || reason === 'offset changes') return sentence;
  const at = (frames: number, sec: number) => `${frames} frames at ${sec.toFixed(1)} s`;
  return `the offset drifts from ${at(drift.fromFrames, drift.fromSec)} to ${at(drift.toFrames, drift.toSec)}`;
}

/** Why a fixed video is not in sync within a frame; undefined where it is. The faces are those of the score before. */
export function whyNotFixed({ faces, problems }: VideoScore, before: FaceScore): string | undefined {
  const face = faces.find(({ track }) => track === before.track);
  if (!face) return problems.join('; ') || 'its face was not found again';
  const { offsetFrames } = face.verdict;
  if (offsetFrames === null) return face.sentence;
  return Math.abs(offsetFrames) <= 1 ? undefined : `the audio is still ${offsetFrames} frames off (positive: early)`;
}
