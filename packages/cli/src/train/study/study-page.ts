import type { ArmResult, ExperimentResult, Finding, Spread, StudyResults } from '@lipsync/train';
import { lineChart } from '../../report/parts/chart';
import { escapeHtml, htmlPage, TONES } from '../../report/parts/page';
import { formatSeconds } from '../../terminal/progress';

/** The colour of a finding. */
const LOOKS: Readonly<Record<Finding, { tone: string; word: string }>> = {
  agrees: { tone: 'green', word: 'agrees' },
  disagrees: { tone: 'red', word: 'disagrees' },
  'not decidable': { tone: 'amber', word: 'not decidable here' },
  open: { tone: '', word: 'open' },
};

/** A study as one self-contained HTML page: a sentence, a table and curves for each experiment, and what it cost. */
export function studyPage(results: StudyResults): string {
  const { name, experiments, runs, wallSec, cpuSec } = results;
  const cost = `${runs.ended} of ${runs.all} runs; ${formatSeconds(wallSec)}, CPU time ${formatSeconds(cpuSec)}.`;
  const body = [
    `<h1>${escapeHtml(name)}</h1>`,
    `<p class="soft">${escapeHtml(cost)} Figures are means over the seeds, of held-out clips, single windows; in brackets the least and the most.</p>`,
    overview(experiments),
    ...experiments.map(experimentSection),
  ];
  return htmlPage(name, body.join('\n'));
}

function overview(experiments: readonly ExperimentResult[]): string {
  const rows = experiments.map(
    ({ name, source, finding, question }) =>
      `<tr><td>${escapeHtml(name)}</td><td>${escapeHtml(question)}</td><td>${escapeHtml(source ?? '–')}</td><td style="white-space:nowrap">${LOOKS[finding].word}</td></tr>`,
  );
  return `<div class="scroll"><table><thead><tr><th>experiment</th><th>question</th><th>source</th><th>here</th></tr></thead><tbody>${rows.join('')}</tbody></table></div>`;
}

function experimentSection({ name, question, source, arms, finding, sentence }: ExperimentResult): string {
  return [
    `<h2>${escapeHtml(name)}</h2>`,
    `<p>${escapeHtml(question)}${source ? ` <span class="soft">(${escapeHtml(source)})</span>` : ''}</p>`,
    `<div class="card ${LOOKS[finding].tone}">${escapeHtml(sentence)}</div>`,
    armTable(arms),
    curves(arms),
  ].join('\n');
}

function armTable(arms: readonly ArmResult[]): string {
  const judges = [...new Set(arms.flatMap(({ judged }) => Object.keys(judged)))];
  const hasSource = arms.some(({ source }) => source !== undefined);
  const head = [
    ...['arm', ...(hasSource ? ['source'] : []), 'AUC', 'balanced accuracy', 'training loss'],
    ...judges.map((judge) => `AUC on ${judge}`),
    ...['parameters', 'time', 'seeds'],
  ];
  const rows = arms.map((arm, i) => {
    const cells = [
      ...(hasSource ? [arm.source ?? '–'] : []),
      ...[arm.auc, arm.accuracy, arm.loss, ...judges.map((judge) => arm.judged[judge])].map(textOf),
      arm.parameters === undefined ? '–' : `${(arm.parameters / 1e6).toFixed(2)} M`,
      formatSeconds(arm.wallSec),
      arm.seeds.join(', ') || '–',
    ];
    const first = `<td style="color:var(--${TONES[i % TONES.length]})">${escapeHtml(arm.name)}</td>`;
    return `<tr>${first}${cells.map((text) => `<td>${escapeHtml(text)}</td>`).join('')}</tr>`;
  });
  const titles = head.map((title) => `<th style="white-space:nowrap">${escapeHtml(title)}</th>`).join('');
  return `<div class="scroll"><table><thead><tr>${titles}</tr></thead><tbody>${rows.join('')}</tbody></table></div>`;
}

function textOf(spread: Spread | undefined): string {
  if (!spread) return '–';
  const { mean, least, most, values } = spread;
  return values.length > 1 ? `${mean.toFixed(3)} (${least.toFixed(3)} to ${most.toFixed(3)})` : mean.toFixed(3);
}

/** Loss and AUC over steps: an arm has a colour, each seed a line. */
function curves(arms: readonly ArmResult[]): string {
  const charts = (
    [
      ['Training loss', 'loss', 'lossCurves', false],
      ['AUC of held-out clips', 'AUC', 'aucCurves', true],
    ] as const
  ).flatMap(([title, unit, key, dots]) => {
    const lines = arms.flatMap((arm, i) =>
      arm[key].map((points, seed) => ({
        name: arm.name,
        unlisted: seed > 0,
        tone: TONES[i % TONES.length],
        points,
        dots,
      })),
    );
    const all = lines.flatMap(({ points }) => points);
    if (all.length === 0) return [];
    const x = { label: 'step', low: 0, high: Math.max(...all.map(([step]) => step)), digits: 0 };
    return [lineChart({ title, x, y: { label: unit }, lines })];
  });
  return `<div class="charts">${charts.join('\n')}</div>`;
}
