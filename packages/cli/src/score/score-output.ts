import { UsageError } from '../terminal/command';
import { log, printJson } from '../terminal/output';
import type { Progress } from '../terminal/progress';
import { describeSummary, summaryOf } from './batch/batch-summary';
import { describeInOneLine, describeNotes, describeProvenance, describeScore, meanOfFiles } from './describe-score';
import type { ScoreLimits } from './score-limits';
import type { ScoreWords } from './score-options';
import { scoreTable } from './score-table';
import type { ScoredFile, ScorerFacts } from './scored-file';

const FORMS = ['json', 'ndjson', 'csv'] as const;

/** How results are printed: as text, or in one of the forms that options name. */
export type OutputForm = (typeof FORMS)[number] | 'text';

/** The form that the options ask for. @throws UsageError where they ask for two. */
export function outputForm(options: Pick<ScoreWords, (typeof FORMS)[number]>): OutputForm {
  const [form = 'text', other] = FORMS.filter((name) => options[name]);
  if (other !== undefined) throw new UsageError(`--${form} must stand alone, got --${other} beside it`);
  return form;
}

export type PrintOptions = { form: OutputForm; single: boolean; progress: Progress };

/** Prints a result where the form has one for each file, and logs its notes. */
export function printResult(result: ScoredFile, { form, single, progress }: PrintOptions): void {
  if (form === 'ndjson') progress.print(JSON.stringify(result));
  else if (form === 'text') progress.print(single ? describeScore(result) : describeInOneLine(result));
  for (const note of describeNotes(result, !single)) progress.log(note);
}

/** Prints what stands at the end: the document, the table, or the summary and how it was measured. */
export function printEnd(
  results: readonly ScoredFile[],
  facts: ScorerFacts,
  { form, single, limits }: Pick<PrintOptions, 'form' | 'single'> & { limits: ScoreLimits },
): void {
  if (form === 'json') printJson(scoreReport(results, facts, limits));
  else if (form === 'csv') process.stdout.write(scoreTable(facts.protocol, results));
  else if (form === 'text') {
    if (!single) process.stdout.write(`${describeSummary(results, limits).join('\n')}\n`);
    for (const line of describeProvenance(facts.protocol, facts.weights)) log(line);
  }
}

/** What `--json` prints: weights and protocol once, then every file. */
function scoreReport(results: readonly ScoredFile[], { protocol, weights }: ScorerFacts, limits: ScoreLimits) {
  return {
    weights,
    protocol,
    mean: meanOfFiles(results) ?? null,
    summary: summaryOf(results, limits),
    files: results.map(({ protocol: _, weights: __, settings: ___, ...score }) => score),
  };
}
