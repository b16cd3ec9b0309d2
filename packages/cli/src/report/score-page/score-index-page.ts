import type { FaceScore, VideoScore } from '@lipsync/score';
import { counted } from '../../score/batch/batch-summary';
import { escapeHtml, htmlPage, type Tone } from '../parts/page';
import { toneOf } from './face-section';

/** A video in the index, and the address of its own page. */
export type IndexEntry = { score: VideoScore; page?: string };

/** The order of the table: what needs attention first. */
const ORDER: readonly Tone[] = ['red', 'amber', 'green'];

/** The scores of several videos on one page: how many are in sync, and a line for each face that leads to its video's page. */
export function scoreIndexPage(title: string, entries: readonly IndexEntry[]): string {
  const rows = entries.flatMap(rowsOf).sort((a, b) => ORDER.indexOf(a.tone) - ORDER.indexOf(b.tone));
  const faces = entries.flatMap(({ score }) => score.faces);
  const count = (answer: FaceScore['verdict']['answer']) =>
    faces.filter(({ verdict }) => verdict.answer === answer).length;
  const without = entries.filter(({ score }) => score.faces.length === 0).length;
  const counts = [
    `${counted(entries.length, 'video')}, ${counted(faces.length, 'face')}`,
    `${count('in sync')} in sync`,
    `${count('early')} early`,
    `${count('late')} late`,
    `${count('cannot tell')} cannot be told`,
    ...(without > 0 ? [`${counted(without, 'video')} without a score`] : []),
  ];
  const head = ['Video', 'Face', 'Verdict', 'Confidence', 'LSE-D', 'LSE-C'];
  const cells = head.map((name, i) => `<th${i > 2 ? ' class="number"' : ''}>${name}</th>`).join('');
  return htmlPage(
    title,
    `<h1>${escapeHtml(title)}</h1><p class="soft">${counts.join(' · ')}</p>
<div class="scroll"><table><thead><tr>${cells}</tr></thead><tbody>${rows.map(({ html }) => html).join('\n')}</tbody></table></div>`,
  );
}

function rowsOf({ score, page }: IndexEntry): { tone: Tone; html: string }[] {
  const name = escapeHtml(score.file);
  const link = page === undefined ? name : `<a href="${escapeHtml(page)}">${name}</a>`;
  if (score.faces.length === 0) {
    const why = escapeHtml(score.problems.join('; '));
    return [
      {
        tone: 'amber',
        html: `<tr><td>${link}</td><td></td><td style="color:var(--amber)">no score: ${why}</td><td></td><td></td><td></td></tr>`,
      },
    ];
  }
  return score.faces.map((face) => {
    const { confidence } = face.verdict;
    const numbers = [confidence?.toFixed(2) ?? '–', face.lseD.toFixed(3), face.lseC.toFixed(3)];
    const tone = toneOf(face);
    return {
      tone,
      html: `<tr><td>${link}</td><td>${escapeHtml(face.place ?? '')}</td><td style="color:var(--${tone})">${escapeHtml(face.sentence)}</td>${numbers.map((value) => `<td class="number">${value}</td>`).join('')}</tr>`,
    };
  });
}
