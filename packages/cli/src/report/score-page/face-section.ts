import type { FaceScore } from '@lipsync/score';
import { pngOf } from '../../score/pictures/canvas';
import type { SeenCrop } from '../../score/pictures/crop-collector';
import type { FacePictures, LivelyStretch } from '../../score/pictures/score-pictures';
import { lineChart } from '../parts/chart';
import { escapeHtml, factsTable, pngAddress, type Tone } from '../parts/page';

/** The colour of a verdict: green for at most one frame, red beyond, amber where there is no answer. */
export const toneOf = ({ verdict: { offsetFrames } }: Pick<FaceScore, 'verdict'>): Tone =>
  offsetFrames === null ? 'amber' : Math.abs(offsetFrames) <= 1 ? 'green' : 'red';

/** The verdict in words, large, with how sure it is and what would put it right. */
export function verdictCard(face: FaceScore, { thumbnail }: FacePictures): string {
  const picture = thumbnail
    ? `<img class="thumb" src="${pngAddress(pngOf(thumbnail))}" alt="${escapeHtml(face.place ?? 'the face')}">`
    : '';
  const place = face.place === null ? '' : `<p class="soft">${escapeHtml(capital(face.place))}</p>`;
  const lines = [worthOf(face), ...remedyOf(face), ...speakingOf(face)]
    .map((line) => `<p>${escapeHtml(line)}</p>`)
    .join('');
  return `<section class="card ${toneOf(face)}"><div class="row">${picture}<div class="grow">${place}<p class="verdict">${escapeHtml(capital(face.sentence))}</p>${lines}</div></div></section>`;
}

/** Everything else that is known of a face. */
export function faceSection(face: FaceScore, { stretch, spread }: FacePictures): string {
  return [
    stretch ? stretchFigure(face, stretch) : '',
    `<div class="charts">${offsetCurve(face)}${offsetOverTime(face)}</div>`,
    '<h3>Figures</h3>',
    factsTable(factsOf(face)),
    spread.length > 0
      ? `<h3>What the network saw</h3><p class="soft">Crops spread over the face’s time, with the numbers of their frames.</p><div class="crops">${spread.map(cropFigure).join('')}</div>`
      : '',
  ].join('\n');
}

export const capital = (text: string) => text.charAt(0).toUpperCase() + text.slice(1);

function worthOf({ verdict }: FaceScore): string {
  const { answer, confidence, exactFrames, spreadFrames } = verdict;
  const exact =
    exactFrames === null
      ? ''
      : ` Offset ${signed(exactFrames, 1)}${spreadFrames === null ? '' : ` ± ${spreadFrames.toFixed(1)}`} frames.`;
  if (confidence === null) return `How sure this is cannot be said: the network is not calibrated.${exact}`;
  const percent =
    confidence > 0.999 ? 'more than 99.9 %' : `${(100 * confidence).toFixed(confidence > 0.99 ? 1 : 0)} %`;
  return answer === 'cannot tell'
    ? `The best offset would be right with a chance of ${percent}, too low for an answer.`
    : `Right within one frame with a chance of ${percent}.${exact}`;
}

function cropFigure(crop: SeenCrop): string {
  return `<figure><img width="96" src="${pngAddress(pngOf(crop))}" alt=""><figcaption>${crop.frameIndex}</figcaption></figure>`;
}

/** Of one of several faces, how much of the speech its lips move through. */
function speakingOf({ place, speaking }: FaceScore): string[] {
  return place === null || speaking === null
    ? []
    : [`Its lips move in ${(100 * speaking).toFixed(0)} % of the speech.`];
}

/** What to do about an offset, in the words of an editor. */
function remedyOf({ verdict: { answer, offsetSec } }: FaceScore): string[] {
  if (offsetSec === null || answer === 'in sync') return [];
  const ms = Math.round(1000 * Math.abs(offsetSec));
  return [
    `To correct it, ${answer === 'early' ? 'delay' : 'advance'} the audio by ${ms} ms; lipsync score --fix OUT does it.`,
  ];
}

function offsetCurve({ meanDistances, offsetFrames, lseC, verdict }: FaceScore): string {
  const points = meanDistances
    .map(({ offsetFrames: at, distance }): [number, number] => [at, distance ?? Number.NaN])
    .sort(([a], [b]) => a - b);
  const largest = points.at(-1)?.[0] ?? 0;
  const beyond = verdict.offsetFrames !== null && Math.abs(verdict.offsetFrames) > largest;
  const caption = beyond
    ? `The verdict’s offset of ${signed(verdict.offsetFrames!)} frames lies beyond the ${largest} of published evaluations.`
    : `A deep, narrow valley is a clear match; this one is ${lseC.toFixed(2)} deep (LSE-C).`;
  return lineChart({
    title: 'Distance of frames and audio at each offset',
    x: { label: 'offset in frames (positive: the audio is early)', low: -largest, high: largest, digits: 0 },
    y: { label: 'mean distance', high: headroom(points.map(([, distance]) => distance)) },
    lines: [{ name: 'distance', tone: 'blue', points }],
    marks: [
      {
        x: offsetFrames,
        label: `lowest at ${signed(offsetFrames)}`,
        tone: verdict.offsetFrames === offsetFrames ? toneOf({ verdict }) : 'amber',
      },
    ],
    caption,
  });
}

/** Room above a curve for the word on its mark. */
function headroom(values: readonly number[]): number {
  const known = values.filter(Number.isFinite);
  const [least, most] = [Math.min(...known), Math.max(...known)];
  return most + 0.15 * (most - least);
}

function offsetOverTime({ verdict, fromSec, toSec }: FaceScore): string {
  const middle = ({ fromSec: from, toSec: to }: { fromSec: number; toSec: number }) => (from + to) / 2;
  const points = verdict.overTime.map((part): [number, number] => [
    middle(part),
    part.exactFrames ?? part.offsetFrames ?? Number.NaN,
  ]);
  const known = points.map(([, offset]) => offset).filter(Number.isFinite);
  const unknown = verdict.overTime.filter(({ offsetFrames }) => offsetFrames === null);
  const { drift } = verdict;
  const caption = drift
    ? `The offset changes: ${signed(drift.fromFrames)} frames at ${drift.fromSec.toFixed(1)} s, ${signed(drift.toFrames)} at ${drift.toSec.toFixed(1)} s.`
    : known.length === 0
      ? 'No stretch of about four seconds has an answer of its own.'
      : `About four seconds each, two seconds apart${unknown.length > 0 ? '; shaded: no answer' : ''}; no change of more than 2 frames.`;
  return lineChart({
    title: 'Offset over time',
    x: { label: 'seconds', low: fromSec, high: toSec },
    y: { label: 'offset in frames', low: Math.min(-3, ...known) - 1, high: Math.max(3, ...known) + 1, digits: 0 },
    lines: [{ name: 'offset', tone: drift ? 'red' : 'blue', points, dots: true }],
    bands: [{ from: -1, to: 1, tone: 'green' }],
    gaps: unknown.map((part) => ({ from: Math.max(fromSec, middle(part) - 1), to: Math.min(toSec, middle(part) + 1) })),
    caption: `${caption} Green: within one frame.`,
  });
}

/** Crops of a short stretch above the audio of the same time, as it is and as it belongs. */
function stretchFigure(
  { verdict }: FaceScore,
  { crops, frames, firstFrame, fromSec, toSec, mel, moved }: LivelyStretch,
): string {
  const [width, row] = [912, 70];
  const cell = width / frames;
  const cropHeight = (cell * crops.height) / (crops.width / frames);
  const picture = (image: LivelyStretch['mel'], top: number, height: number) =>
    `<image href="${pngAddress(pngOf(image))}" x="0" y="${top}" width="${width}" height="${height.toFixed(1)}" preserveAspectRatio="none"/>`;
  const top = 22 + cropHeight + 6;
  const every = Math.ceil(frames / 12);
  const numbers = Array.from({ length: frames }, (_, i) => i).filter((i) => i % every === 0);
  const ms = Math.round(1000 * Math.abs(verdict.offsetSec ?? 0));
  const parts = [
    ...numbers.map(
      (i) => `<text x="${((i + 0.5) * cell).toFixed(1)}" y="14" text-anchor="middle">${firstFrame + i}</text>`,
    ),
    picture(crops, 22, cropHeight),
    picture(mel, top, row),
    `<text class="strong" x="0" y="${top + row + 16}">audio as it is in the file${verdict.answer === 'in sync' ? ', in sync' : ''}</text>`,
    ...(moved
      ? [
          picture(moved, top + row + 28, row),
          `<text class="strong" x="0" y="${top + 2 * row + 44}">audio ${verdict.answer === 'early' ? 'delayed' : 'advanced'} by ${ms} ms, as it belongs to these frames</text>`,
        ]
      : []),
  ];
  const height = top + row + 22 + (moved ? row + 28 : 0);
  const time = `${fromSec.toFixed(2)} to ${toSec.toFixed(2)} s`;
  return `<h3>Frame by frame</h3><p class="soft">The mouth where it moves most (${time}; numbers of frames above), and the mel spectrogram of the same time: low pitch below, bright is loud. Loud vowels belong to open mouths, short gaps to closed lips.</p>
<div class="scroll"><svg class="wide" viewBox="0 0 ${width} ${height.toFixed(0)}" role="img" aria-label="mouth crops above the mel spectrogram, ${time}">${parts.join('')}</svg></div>`;
}

function factsOf(face: FaceScore): [string, string | null][] {
  const { verdict, box, speaking } = face;
  const { evidence } = verdict;
  const size = box && `${box.right - box.left} x ${box.bottom - box.top} pixels at ${box.left}, ${box.top}`;
  const share = (value: number | undefined) =>
    value === undefined ? null : `${(100 * value).toFixed(0)} % of the frames`;
  return [
    [
      'Offset of lowest distance',
      `${signed(face.offsetFrames)} frames (${signed(Math.round(1000 * face.offsetSec))} ms)${face.atEdge ? ', the largest that was tried' : ''}`,
    ],
    ['LSE-D, LSE-C', `${face.lseD.toFixed(3)}, ${face.lseC.toFixed(3)}`],
    [
      'Confidence',
      verdict.confidence === null
        ? 'none: the network is not calibrated'
        : `${verdict.confidence.toFixed(4)}, calibrated on ${verdict.calibration}`,
    ],
    [
      'Off by 3 frames or more',
      verdict.offBy3 &&
        (verdict.offBy3.atOnePercent
          ? 'yes, at 1 % false alarms'
          : verdict.offBy3.atFivePercent
            ? 'yes, at 5 % false alarms'
            : 'no'),
    ],
    [
      'Time',
      `${face.fromSec.toFixed(2)} to ${face.toSec.toFixed(2)} s, ${face.frameCount} frames, ${face.windows} windows`,
    ],
    ['Face, brows to chin', size],
    [
      'Speaking',
      speaking === null ? null : `its lips move in ${(100 * speaking).toFixed(0)} % of the frames with speech`,
    ],
    ['Speech', share(evidence.speechShare)],
    ['Images a second', evidence.imagesPerSec === undefined ? null : evidence.imagesPerSec.toFixed(1)],
    ['Filled-in frames', face.filledFrames === null ? null : `${face.filledFrames} (not found; interpolated)`],
    ['Frames without the face', String(face.missingFrames)],
    [
      'Match',
      evidence.contrast === null
        ? null
        : `contrast ${evidence.contrast.toFixed(1)} at ${signed(evidence.offsetFrames ?? 0)} frames${evidence.second ? `, next best at ${signed(evidence.second.offsetFrames)}` : ''}; searched up to ${evidence.searched} frames`,
    ],
  ];
}

const signed = (value: number, digits = 0) => {
  const text = Math.abs(value).toFixed(digits);
  return Number(text) === 0 ? text : `${value < 0 ? '−' : '+'}${text}`;
};
