import type { VideoScore } from '@lipsync/score';
import { lseWords, meanOfFiles } from '../describe-score';
import { beyondLimits, type ScoreLimits } from '../score-limits';

/** What became of all files together. */
export type BatchSummary = {
  files: number;
  scored: number;
  /** Files without a score, by the reason. */
  withoutScore: Record<string, number>;
  faces: number;
  /** Faces by the answer of their verdict. */
  answers: Record<string, number>;
  /** Faces that do not keep the limits; missing where there are none. */
  beyondLimits?: number;
};

export function summaryOf(files: readonly VideoScore[], limits: ScoreLimits): BatchSummary {
  const scored = files.filter(({ faces }) => faces.length > 0);
  const faces = scored.flatMap((file) => file.faces);
  const limited = limits.maxOffset !== undefined || limits.minConfidence !== undefined;
  return {
    files: files.length,
    scored: scored.length,
    withoutScore: counts(files.filter((file) => file.faces.length === 0).map(reasonOf)),
    faces: faces.length,
    answers: counts(faces.map(({ verdict }) => verdict.answer)),
    ...(limited ? { beyondLimits: beyondLimits(files, limits).length } : {}),
  };
}

/** The summary in lines, the last with the mean of all scores. */
export function describeSummary(files: readonly VideoScore[], limits: ScoreLimits): string[] {
  const summary = summaryOf(files, limits);
  const missing = summary.files - summary.scored;
  const mean = meanOfFiles(files);
  return [
    `${counted(summary.files, 'video')}: ${summary.scored} scored, ${missing} without a score${missing > 0 ? ` (${listed(summary.withoutScore)})` : ''}`,
    ...(summary.faces > 0 ? [`${counted(summary.faces, 'face')}: ${listed(summary.answers)}`] : []),
    ...(summary.beyondLimits === undefined ? [] : [`${counted(summary.beyondLimits, 'face')} beyond the limits`]),
    ...(mean ? [`mean of ${counted(mean.scores, 'score')}: ${lseWords(mean)}`] : []),
  ];
}

/** The reason for which a file has no score, such as `broken` of `broken: it is no video`. */
function reasonOf({ problems }: VideoScore): string {
  const reason = /^[^:]*/.exec(problems[0] ?? 'no face')?.[0] ?? '';
  return /^face \d+$/.test(reason) ? 'no usable face' : reason;
}

function counts(values: readonly string[]): Record<string, number> {
  const found: Record<string, number> = {};
  for (const value of values) found[value] = (found[value] ?? 0) + 1;
  return found;
}

/** `1 face`, `2 faces`. */
export const counted = (count: number, noun: string) => `${count} ${noun}${count === 1 ? '' : 's'}`;

/** `3 broken, 1 no face`, the most frequent first. */
const listed = (of: Record<string, number>) =>
  Object.entries(of)
    .sort(([, a], [, b]) => b - a)
    .map(([name, count]) => `${count} ${name}`)
    .join(', ');
