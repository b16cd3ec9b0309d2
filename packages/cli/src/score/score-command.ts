import { resolve } from 'node:path';
import { ExitStatus, UsageError } from '../terminal/command';
import { endOnSignal } from '../terminal/end-on-signal';
import { log } from '../terminal/output';
import { createProgress } from '../terminal/progress';
import { ResultsFile } from './batch/results-file';
import { type Batch, openBatch } from './batch/score-batch';
import { type VideoInputs, videoInputs } from './batch/video-inputs';
import { assertFixPath } from './fix/fix-video';
import { writeReportIndex } from './pictures/report-file';
import { assertPictureOptions } from './pictures/write-pictures';
import { beyondLimits, exitStatusOf, type ScoreLimits } from './score-limits';
import { type ScoreWords, scoreOptions } from './score-options';
import { type OutputForm, outputForm, printEnd, printResult } from './score-output';
import type { ScoredFile } from './scored-file';

/** `lipsync score`. */
export function scoreCommand() {
  return scoreOptions().action(runScore);
}

async function runScore(words: string[], options: ScoreWords): Promise<void> {
  const form = outputForm(options);
  const { maxOffset, minConfidence } = options;
  if (minConfidence !== undefined && minConfidence > 1)
    throw new UsageError(`--min-confidence must be at most 1, got ${minConfidence}`);
  const limits: ScoreLimits = { maxOffset, minConfidence };
  const inputs = await videoInputs(words, options);
  assertPictureOptions(options, inputs);
  if (options.fix !== undefined) await assertFixPath(options.fix, inputs);
  const out = options.out === undefined ? undefined : await ResultsFile.open(resolve(options.out));
  try {
    const batch = await openBatch(inputs, options, out);
    try {
      const results = await scoreInputs(batch, inputs, { form, out: options.out });
      printEnd(results, batch, { form, single: inputs.single, limits });
      if (options.report !== undefined && !inputs.single) {
        await writeReportIndex(resolve(options.report), results);
        log(`report: ${options.report}`);
      }
      for (const line of beyondLimits(results, limits)) log(line);
      const fixed = options.fix === undefined ? undefined : await batch.fix?.(options.fix, results[0]);
      const scored = fixed === undefined ? exitStatusOf(results, limits) : fixed ? 0 : 1;
      const status = batch.allPictures?.() === false ? 1 : scored;
      if (status !== 0) throw new ExitStatus(status);
    } finally {
      await batch.dispose();
    }
  } finally {
    await out?.close();
  }
}

/** Scores what has no result yet, and prints results as they come; returns all of them in the order of the inputs. */
async function scoreInputs(
  { before, results }: Batch,
  { files, single }: VideoInputs,
  { form, out }: { form: OutputForm; out?: string },
): Promise<ScoredFile[]> {
  if (before.length > 0)
    log(`${before.length} of ${files.length} videos were scored before: their results are in ${out}`);
  const progress = createProgress({ label: 'score', total: files.length });
  const found = new Map<string, ScoredFile>();
  const end = endOnSignal(() => {
    progress.stop();
    if (!single) log(resumeHint(found.size, files.length, out));
  });
  try {
    const take = (result: ScoredFile) => {
      found.set(result.file, form === 'json' ? result : withoutWindows(result));
      printResult(result, { form, single, progress });
      progress.update(found.size);
    };
    for (const result of before) take(result);
    for await (const result of results) take(result);
  } finally {
    end();
    progress.stop();
  }
  return files.map((file) => found.get(file) as ScoredFile);
}

/** What a batch keeps of a result that is printed: the windows of thousands would not fit into memory. */
function withoutWindows(result: ScoredFile): ScoredFile {
  const faces = result.faces.map((face) => ({
    ...face,
    meanDistances: [],
    perWindow: { distances: [], confidences: [] },
  }));
  return { ...result, faces };
}

function resumeHint(done: number, of: number, out: string | undefined): string {
  const how = out === undefined ? 'with --out FILE it could be resumed' : `the same line resumes from ${out}`;
  return `lipsync score: stopped after ${done} of ${of} videos; ${how}`;
}
