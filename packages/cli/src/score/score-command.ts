import type { VideoScore } from '@lipsync/score';
import { ExitStatus, UsageError } from '../terminal/command';
import { assertFiles } from '../terminal/media-options';
import { log, printJson } from '../terminal/output';
import { createProgress } from '../terminal/progress';
import { describeNotes, describeProvenance, describeScore, lseWords, meanOfFiles } from './describe-score';
import { openScorer, type Scorer } from './open-scorer';
import { beyondLimits, exitStatusOf } from './score-limits';
import { type ScoreWords, scoreOptions } from './score-options';
import { scoreTable } from './score-table';

/** `lipsync score`. */
export function scoreCommand() {
  return scoreOptions().action(runScore);
}

async function runScore(videos: string[], options: ScoreWords): Promise<void> {
  const { json, csv, maxOffset, minConfidence } = options;
  if (json && csv) throw new UsageError('--json must stand alone, got --csv beside it');
  if (minConfidence !== undefined && minConfidence > 1)
    throw new UsageError(`--min-confidence must be at most 1, got ${minConfidence}`);
  await assertFiles('VIDEO', videos);
  const scorer = await openScorer(options, log);
  const files: VideoScore[] = [];
  const progress = createProgress({ label: 'score', total: videos.length });
  try {
    for (const file of videos) {
      const score = await scorer.score(file);
      files.push(score);
      if (!json && !csv) progress.print(describeScore(score));
      for (const note of describeNotes(score)) progress.log(note);
      progress.update(files.length);
    }
    progress.stop();
    if (json) printJson(scoreReport(scorer, files));
    else if (csv) process.stdout.write(scoreTable(scorer.protocol, files));
    else printEnd(scorer, files);
  } finally {
    progress.stop();
    await scorer.dispose();
  }
  for (const line of beyondLimits(files, { maxOffset, minConfidence })) log(line);
  const status = exitStatusOf(files, { maxOffset, minConfidence });
  if (status !== 0) throw new ExitStatus(status);
}

/** What `--json` prints: weights and protocol once, then every file. */
function scoreReport({ protocol, weights }: Scorer, files: readonly VideoScore[]) {
  return {
    weights,
    protocol,
    mean: meanOfFiles(files) ?? null,
    files: files.map(({ protocol: _, ...score }) => score),
  };
}

function printEnd({ protocol, weights }: Scorer, files: readonly VideoScore[]): void {
  const mean = meanOfFiles(files);
  if (mean && files.length > 1) process.stdout.write(`mean of ${mean.scores} scores: ${lseWords(mean)}\n`);
  for (const line of describeProvenance(protocol, weights)) log(line);
}
