import type { FaceScore, VideoScore } from '@lipsync/score';
import { pngOf } from '../../score/pictures/canvas';
import type { ScorePictures } from '../../score/pictures/score-pictures';
import type { Overview } from '../../score/pictures/video-pictures';
import type { WeightsFacts } from '../../weights/weights-facts';
import { escapeHtml, factsTable, htmlPage, pngAddress } from '../parts/page';
import { capital, faceSection, toneOf, verdictCard } from './face-section';

/** What is known of a score beside the score itself. */
export type ReportFacts = {
  weights: WeightsFacts;
  /** The video's bytes. */
  input?: { bytes: number; sha256: string };
  /** Versions of programs by their names. */
  versions: Readonly<Record<string, string>>;
  /** Options that a score depends on, in the words of the command line. */
  settings: string;
};

/**
 * The score of one video as one self-contained HTML page: verdict in words, faces, charts, what the network saw, and how
 * it was measured.
 */
export function scoreReportPage(score: VideoScore, pictures: ScorePictures, facts: ReportFacts): string {
  const { file, faces, frameCount, fps, problems, notes } = score;
  const of = (face: FaceScore) => pictures.faces.get(face) ?? { spread: [] };
  const several = faces.length > 1;
  const speaker = speakerAmong(faces);
  const body = [
    `<h1>${escapeHtml(baseName(file))}</h1>`,
    `<p class="soft">${(frameCount / fps).toFixed(2)} s, ${frameCount} frames at ${fps} per second, ${faces.length === 1 ? 'one face' : `${faces.length} faces`}</p>`,
    faces.length === 0 ? noScoreCard(problems) : '',
    speaker ? `<p>${escapeHtml(speaker)}</p>` : '',
    several && pictures.overview ? overviewFigure(pictures.overview, faces) : '',
    ...faces.map((face) => verdictCard(face, of(face))),
    list(faces.length === 0 ? [] : problems, 'warnings'),
    ...faces.map(
      (face) =>
        `<h2>${several ? escapeHtml(capital(face.place ?? `face ${face.track}`)) : 'Details'}</h2>${faceSection(face, of(face))}`,
    ),
    notes.length > 0 ? `<h2>Notes</h2>${list(notes)}` : '',
    '<h2>How this was measured</h2>',
    factsTable(provenance(score, facts)),
    '<p class="soft">LSE-D and LSE-C are distances in the embedding space of this network: do not compare them with those of another one.</p>',
  ];
  return htmlPage(
    `${baseName(file)}: ${faces.map(({ sentence }) => sentence).join('; ') || 'no score'}`,
    body.join('\n'),
  );
}

const baseName = (file: string) => file.split(/[\\/]/).at(-1) ?? file;

/** Of several faces, the one whose lips match the audio. */
function speakerAmong(faces: readonly FaceScore[]): string | undefined {
  if (faces.length < 2) return undefined;
  const matching = faces.filter(({ verdict }) => verdict.answer !== 'cannot tell');
  const name = (face: FaceScore) => face.place ?? `face ${face.track}`;
  if (matching.length === 1) return `The audio matches the ${name(matching[0])}.`;
  if (matching.length > 1) return `The audio matches ${matching.map((face) => `the ${name(face)}`).join(' and ')}.`;
  return 'The audio matches none of the faces clearly enough for an answer.';
}

function noScoreCard(problems: readonly string[]): string {
  const reasons = problems.map((problem) => `<p>${escapeHtml(problem)}</p>`).join('');
  return `<section class="card amber"><p class="verdict">No score</p>${reasons}</section>`;
}

const list = (items: readonly string[], of = '') =>
  items.length === 0 ? '' : `<ul class="${of}">${items.map((item) => `<li>${escapeHtml(item)}</li>`).join('')}</ul>`;

/** A frame with the boxes of the faces that are there at its time. */
function overviewFigure({ timeSec, frame, ...image }: Overview, faces: readonly FaceScore[]): string {
  const unit = frame.width / 480;
  const boxes = faces
    .filter(({ box, fromSec, toSec }) => box && fromSec <= timeSec && toSec >= timeSec)
    .map((face) => {
      const { left, top, right, bottom } = face.box!;
      const label = escapeHtml(face.place ?? `face ${face.track}`);
      return `<rect x="${left}" y="${top}" width="${right - left}" height="${bottom - top}" fill="none" stroke="var(--${toneOf(face)})" stroke-width="${3 * unit}" rx="${4 * unit}"/><text x="${left}" y="${top - 6 * unit}" style="font-size:${15 * unit}px;fill:#fff;stroke:#000;stroke-width:${3 * unit}px;paint-order:stroke;font-weight:600">${label}</text>`;
    });
  return `<figure style="max-width:480px"><svg viewBox="0 0 ${frame.width} ${frame.height}" role="img" aria-label="the frame at ${timeSec.toFixed(1)} s with its faces"><image href="${pngAddress(pngOf(image))}" width="${frame.width}" height="${frame.height}"/>${boxes.join('')}</svg><figcaption>At ${timeSec.toFixed(1)} s</figcaption></figure>`;
}

function provenance({ file, protocol, fps }: VideoScore, facts: ReportFacts): [string, string | undefined][] {
  const { weights, input, versions, settings } = facts;
  const { recipe, deviations } = protocol;
  return [
    ['File', file],
    ['Its bytes', input && `${input.bytes}, SHA-256 ${input.sha256}`],
    ['Network', `${protocol.expert}, weights of ${weights.name}${weights.version ? ` ${weights.version}` : ''}`],
    ['Weights, SHA-256', weights.sha256 ?? protocol.weightsHash],
    ['Protocol', `${protocol.name}: ${protocol.source}`],
    ['Protocol, SHA-256', protocol.hash],
    ['Differs from it', deviations.length > 0 ? deviations.join('; ') : undefined],
    [
      'Offsets tried',
      `up to ${protocol.maxShift} frames of 1/${fps} s for LSE, edges ${protocol.edges}; the verdict searches further`,
    ],
    [
      'Input of the network',
      `${recipe.frameCount} frames of ${JSON.stringify(recipe.crop)}, ${recipe.color}; ${recipe.features}`,
    ],
    ['Computed by', protocol.engine],
    ['Options', settings || 'defaults'],
    [
      'Versions',
      Object.entries(versions)
        .map(([name, version]) => `${name} ${version}`)
        .join(', '),
    ],
  ];
}
