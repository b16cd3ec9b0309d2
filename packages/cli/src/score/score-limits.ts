import type { FaceScore, VideoScore } from '@lipsync/score';

/** What a score is held against; nothing where neither is given. */
export type ScoreLimits = {
  /** Largest offset, frames, to either side. */
  maxOffset?: number;
  /** Least confidence, 0..1. */
  minConfidence?: number;
};

/** One line for each face that does not keep the limits; none without limits. A face without an answer keeps none. */
export function beyondLimits(files: readonly VideoScore[], limits: ScoreLimits): string[] {
  if (limits.maxOffset === undefined && limits.minConfidence === undefined) return [];
  return files.flatMap(({ file, faces }) =>
    faces.flatMap((face) => {
      const why = whyBeyond(face, limits);
      return why === undefined ? [] : [`${file}: face ${face.track}: ${why}`];
    }),
  );
}

/** How the command ends: 1 where a file has no score, 3 where a limit is not kept. */
export function exitStatusOf(files: readonly VideoScore[], limits: ScoreLimits): 0 | 1 | 3 {
  if (files.some(({ faces }) => faces.length === 0)) return 1;
  return beyondLimits(files, limits).length > 0 ? 3 : 0;
}

function whyBeyond({ verdict }: FaceScore, { maxOffset, minConfidence }: ScoreLimits): string | undefined {
  const { offsetFrames, confidence, reason } = verdict;
  if (offsetFrames === null) return `no answer (${reason})`;
  if (maxOffset !== undefined && Math.abs(offsetFrames) > maxOffset)
    return `an offset of ${offsetFrames} frames, above --max-offset ${maxOffset}`;
  if (minConfidence === undefined) return undefined;
  if (confidence === null) return 'no confidence for --min-confidence: the network is not calibrated';
  return confidence < minConfidence
    ? `a confidence of ${confidence.toFixed(2)}, below --min-confidence ${minConfidence}`
    : undefined;
}
