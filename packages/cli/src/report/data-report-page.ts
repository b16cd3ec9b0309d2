import type { DataReport, Spread, Thumbnail } from '@lipsync/dataloader';
import { pngOf } from '../score/pictures/canvas';
import { escapeHtml, htmlPage, pngAddress } from './parts/page';

const WIDTH = 420;
const HEIGHT = 120;

/**
 * A data report as one self-contained HTML page: warnings first, then figures, histograms, drops, and crops with their
 * landmarks.
 *
 * @param title such as the name of the folder.
 * @example
 * await writeFileAtomic('report.html', dataReportPage(await dataReport(store), 'clips'));
 */
export function dataReportPage(report: DataReport, title: string): string {
  const { clips, minutes, videos, videoRates, people, labels, warnings, dropped, offsets, thumbnails } = report;
  const figures = `${clips} clips, ${minutes.toFixed(1)} minutes, from ${videos} videos, ${report.fps} frames per second`;
  const rates = Object.entries(videoRates).map(([fps, count]) => `${fps} fps: ${count}`);
  const how = { label: 'by labels', face: 'by face identity clustering', source: 'each video counted as one' };
  const facts = [
    people &&
      `${people.count} people (${how[people.by]}), the most frequent in ${percent(people.largestShare)} of the clips; ${people.trainClips} training clips, ${people.validationClips} validation clips`,
    rates.length > 0 && `Frame rates of the videos, by clips: ${rates.join(', ')}`,
    `Independent pairs of five frames, as the thesis draws them: ${percent(labels.inSync)} in sync; ${percent(labels.offSyncWithinTwo)} of the others at most 2 frames off; ${labels.clips} clips are long enough`,
    offsets && `Audio of ${offsets.corrected} clips moved in the preparation`,
  ].filter((fact) => fact);
  const warned = warnings.map((warning) => `<li>${escapeHtml(warning)}</li>`).join('');
  const histograms = [
    histogram('Duration of a clip, seconds', report.seconds, 1),
    histogram('Side of the crop in the source, pixels', report.cropSide, 0),
    ...(report.faceSize ? [histogram('Size of the face in the source, pixels', report.faceSize, 0)] : []),
    ...(report.voiced ? [histogram('Share of speech', report.voiced, 2)] : []),
    histogram('Brightness, mean gray of 255', report.brightness, 0),
    histogram('Lip movement, % of the mouth width', report.lipMovement, 1),
    offsets ? offsetChart(offsets) : '<p>Offsets were not measured (no expert was given).</p>',
  ];
  const drops = Object.entries(dropped).sort(([, a], [, b]) => b - a);
  const rows = drops.map(([reason, count]) => `<tr><td>${escapeHtml(reason)}</td><td>${count}</td></tr>`).join('');
  return htmlPage(
    title,
    `<h1>${escapeHtml(title)}</h1>
<p>${figures}</p>
<ul>${facts.map((fact) => `<li>${escapeHtml(fact as string)}</li>`).join('')}</ul>
${warned ? `<ul class="warnings">${warned}</ul>` : '<p>No warnings.</p>'}
<div class="charts">${histograms.join('\n')}</div>
<h2>Dropped</h2>
${rows ? `<table>${rows}</table>` : '<p>Nothing.</p>'}
<h2>Crops</h2>
<div class="crops">${thumbnails.map(crop).join('\n')}</div>`,
  );
}

const percent = (share: number) => `${(100 * share).toFixed(share < 0.1 ? 1 : 0)} %`;

function histogram(label: string, spread: Spread, digits: number): string {
  const { least, median, greatest, low, high, bins } = spread;
  const most = Math.max(1, ...bins);
  const width = WIDTH / bins.length;
  const bars = bins.map((count, i) => bar(i * width, width, count / most, 'var(--blue)', `${count}`));
  const text = [least, median, greatest].map((value) => value.toFixed(digits));
  const caption = `least ${text[0]}, median ${text[1]}, greatest ${text[2]}`;
  return chart(
    label,
    bars,
    [
      [0, low.toFixed(digits)],
      [WIDTH, high.toFixed(digits)],
    ],
    caption,
  );
}

function offsetChart({ counts, expert, beyondTwo, unknown, leftOut }: NonNullable<DataReport['offsets']>): string {
  const most = Math.max(1, ...counts.map(({ clips }) => clips));
  const width = WIDTH / counts.length;
  const bars = counts.map(({ offsetFrames, clips }, i) =>
    bar(
      i * width,
      width,
      clips / most,
      Math.abs(offsetFrames) > 2 ? 'var(--red)' : 'var(--green)',
      `${offsetFrames}: ${clips}`,
    ),
  );
  const ticks = counts
    .map(({ offsetFrames }, i): [number, string] => [(i + 0.5) * width, String(offsetFrames)])
    .filter((_, i) => i % 5 === 0);
  const short = leftOut > 0 ? `; ${leftOut} clips were too short` : '';
  const untold = unknown > 0 ? `; of ${unknown} clips it cannot be told` : '';
  const caption = `by ${expert}; ${(100 * beyondTwo).toFixed(1)} % more than 2 frames off${untold}${short}`;
  return chart('Offset in frames (positive: the audio leads)', bars, ticks, caption);
}

function bar(x: number, width: number, share: number, colour: string, title: string): string {
  const height = share * HEIGHT;
  return `<rect x="${x.toFixed(1)}" y="${(HEIGHT - height).toFixed(1)}" width="${(width - 1).toFixed(1)}" height="${height.toFixed(1)}" fill="${colour}"><title>${title}</title></rect>`;
}

function chart(label: string, bars: string[], ticks: [number, string][], caption: string): string {
  const anchor = (x: number) => (x === 0 ? 'start' : x === WIDTH ? 'end' : 'middle');
  const texts = ticks.map(
    ([x, text]) => `<text x="${x.toFixed(1)}" y="${HEIGHT + 14}" text-anchor="${anchor(x)}">${text}</text>`,
  );
  return `<figure><strong>${escapeHtml(label)}</strong><br><svg viewBox="0 0 ${WIDTH} ${HEIGHT + 18}">
<line x1="0" x2="${WIDTH}" y1="${HEIGHT}" y2="${HEIGHT}" stroke="var(--soft)"/>${bars.join('')}${texts.join('')}</svg><figcaption>${escapeHtml(caption)}</figcaption></figure>`;
}

function crop({ id, height, width, rgb, landmarks }: Thumbnail): string {
  const png = pngAddress(pngOf({ width, height, data: rgb }));
  const points = Array.from({ length: 68 }, (_, i) => [landmarks[2 * i], landmarks[2 * i + 1]])
    .filter(([x, y]) => x >= 0 && y >= 0 && x <= width && y <= height)
    .map(
      ([x, y]) => `<circle cx="${x.toFixed(1)}" cy="${y.toFixed(1)}" r="${(width / 96).toFixed(2)}" fill="#39ff14"/>`,
    );
  return `<figure style="width:192px"><svg viewBox="0 0 ${width} ${height}"><image href="${png}" width="${width}" height="${height}"/>${points.join('')}</svg><figcaption>${escapeHtml(id)}</figcaption></figure>`;
}
