import type { SyncRecipe } from '@lipsync/contracts';
import type { HardPair } from '@lipsync/train';
import { pngOf } from '../../score/pictures/canvas';
import { imageOf } from '../../score/pictures/crop-collector';
import { escapeHtml, htmlPage, pngAddress, TONES } from '../parts/page';
import type { TrainingRun } from './read-run';
import { runCharts } from './run-charts';

/** The pairs that a run's network gets most wrong. */
export type RunPairs = { pairs: readonly HardPair[]; recipe: SyncRecipe };

/**
 * One or several training runs as one self-contained HTML page: figures side by side, curves over the steps, settings in
 * which the runs differ, and the hardest pairs where they were looked for.
 *
 * @param pairs by the run that they are of.
 */
export function runReportPage(
  runs: readonly TrainingRun[],
  pairs: ReadonlyMap<TrainingRun, RunPairs> = new Map(),
): string {
  const title = runs.length === 1 ? `Training run ${runs[0].name}` : `${runs.length} training runs`;
  const single = runs.length === 1;
  const settings = settingRows(runs);
  const body = [
    `<h1>${escapeHtml(title)}</h1>`,
    runs
      .map(stateOf)
      .map((line) => `<p class="soft">${escapeHtml(line)}</p>`)
      .join(''),
    table(runs, figureRows(runs)),
    '<h2>Curves</h2>',
    runCharts(runs),
    ...runs.map((run) => pairsSection(run, pairs.get(run), single)),
    `<h2>${single ? 'Settings' : 'Settings that differ'}</h2>`,
    settings.length > 0 ? table(runs, settings) : '<p>None.</p>',
  ];
  return htmlPage(title, body.join('\n'));
}

type Row = [name: string, values: string[]];

/** A column for each run; a single run has no head. */
function table(runs: readonly TrainingRun[], rows: readonly Row[]): string {
  const cell = (text: string) => `<td>${escapeHtml(text)}</td>`;
  const lines = rows.map(([name, values]) => `<tr>${cell(name)}${values.map(cell).join('')}</tr>`).join('\n');
  const names = runs.map(
    ({ name }, i) => `<th style="color:var(--${TONES[i % TONES.length]})">${escapeHtml(name)}</th>`,
  );
  const head = runs.length > 1 ? `<thead><tr><th></th>${names.join('')}</tr></thead>` : '';
  return `<div class="scroll"><table class="facts">${head}<tbody>${lines}</tbody></table></div>`;
}

function stateOf({ name, log, settings, report }: TrainingRun): string {
  const { step } = log[log.length - 1];
  const planned = typeof settings.steps === 'number' && settings.steps > step ? ` of ${settings.steps}` : '';
  // A run that was lengthened has the report of its former end.
  const finished = report !== undefined && Number(report.steps ?? step) >= step;
  return `${name}: ${step}${planned} steps, ${finished ? 'finished' : 'not finished'}`;
}

type Evaluation = { auc?: number; accuracy?: { balanced?: number }; crossEntropy?: number; clips?: number };

/** Figures that at least one of the runs has. */
function figureRows(runs: readonly TrainingRun[]): Row[] {
  const validation = ({ report }: TrainingRun) => (report?.validation ?? {}) as Evaluation;
  const last = ({ log }: TrainingRun, key: string) => {
    const values = log
      .slice(-Math.ceil(log.length / 20))
      .map((line) => line[key])
      .filter((value) => typeof value === 'number');
    return values.length > 0 ? values.reduce((sum, value) => sum + value, 0) / values.length : undefined;
  };
  const rows: [string, (run: TrainingRun) => unknown][] = [
    ['AUC, held-out clips', (run) => validation(run).auc],
    ['Balanced accuracy', (run) => validation(run).accuracy?.balanced],
    ['Held-out clips', (run) => validation(run).clips],
    ['Loss, last 5 % of the steps', (run) => last(run, 'loss')],
    ['Cosine in sync, likewise', (run) => last(run, 'positiveCosine')],
    ['Cosine off sync, likewise', (run) => last(run, 'negativeCosine')],
    ['Samples per second, likewise', (run) => last(run, 'samplesPerSec')],
    ['Share of time that waited for data', ({ report }) => report?.waitShare],
    ['Training clips', ({ report }) => report?.trainingClips],
    ['Samples', ({ report }) => report?.samples],
    ['Parameters', ({ report }) => report?.parameters],
    ['Weights, SHA-256', ({ report }) => report?.weightsHash],
  ];
  return rows
    .map(([name, of]): Row => [name, runs.map((run) => textOf(of(run)))])
    .filter(([, values]) => values.some((value) => value !== '–'));
}

/** Of one run all settings, of several those in which they differ; lists of clips as their number. */
function settingRows(runs: readonly TrainingRun[]): Row[] {
  const keys = [...new Set(runs.flatMap(({ settings }) => Object.keys(settings)))];
  return keys
    .filter((key) => runs.length === 1 || new Set(runs.map(({ settings }) => JSON.stringify(settings[key]))).size > 1)
    .map((key) => [key, runs.map(({ settings }) => textOf(settings[key]))]);
}

function textOf(value: unknown): string {
  if (value === undefined || value === null) return '–';
  if (typeof value === 'number') return Number.isInteger(value) ? String(value) : String(Number(value.toPrecision(4)));
  if (typeof value === 'string') return value;
  if (Array.isArray(value) && value.length > 6) return `${value.length} entries`;
  return JSON.stringify(value);
}

function pairsSection({ name }: TrainingRun, found: RunPairs | undefined, single: boolean): string {
  if (!found) return '';
  const group = (inSync: boolean, title: string) => {
    const figures = found.pairs.filter((pair) => pair.inSync === inSync).map((pair) => pairFigure(pair, found.recipe));
    return figures.length > 0 ? `<h3>${title}</h3>${figures.join('\n')}` : '';
  };
  return `<h2>Hardest pairs${single ? '' : ` of ${escapeHtml(name)}`}</h2><p class="soft">Held-out windows that the network gets most wrong, of each clip at most one of each kind. Above 0.5 counts as in sync.</p>
${group(true, 'In sync, scored lowest')}${group(false, 'Off sync, scored highest')}`;
}

function pairFigure({ clip, inSync, score, frame, audioFrame, frames }: HardPair, recipe: SyncRecipe): string {
  const images = Array.from({ length: recipe.frameCount }, (_, i) => imageOf(frames, i, recipe));
  const crops = images.map((image) => `<img width="64" src="${pngAddress(pngOf(image))}" alt="">`).join('');
  const where = inSync ? `frame ${frame}` : `frames from ${frame} on, audio of frame ${audioFrame}`;
  return `<figure style="margin:.6rem 0"><div class="crops" style="gap:3px">${crops}</div><figcaption>${escapeHtml(clip)}, ${where}: ${score.toFixed(3)}</figcaption></figure>`;
}
