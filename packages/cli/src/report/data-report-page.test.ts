import type { DataReport } from '@lipsync/dataloader';
import { decode } from 'fast-png';
import { expect, test } from 'vitest';
import { MADE_REPORT, MADE_SPREAD } from '../testing/made-report';
import { dataReportPage } from './data-report-page';

const thumbnail = {
  id: 'a&b.mp4.t0.s0',
  height: 2,
  width: 3,
  rgb: Uint8Array.from({ length: 18 }, (_, i) => 14 * i),
  // Points 0 to 66 at (1, 0.5); the last one lies outside the crop.
  landmarks: Float32Array.from({ length: 136 }, (_, i) => (i >= 134 ? -5 : i % 2 === 0 ? 1 : 0.5)),
};
const report: DataReport = { ...MADE_REPORT, thumbnails: [thumbnail] };

test('dataReportPage is one page that needs no other file: warnings, figures, drops by number, all text escaped', () => {
  const page = dataReportPage(report, 'my <clips>');
  for (const part of [
    '<title>my &lt;clips&gt;</title>',
    '4 clips, 1.3 minutes, from 2 videos, 25 frames per second',
    '2 people (by face identity clustering), the most frequent in 75 % of the clips; 3 training clips, 1 validation clips',
    '25 fps: 3, 29.97 fps: 1',
    '50 % in sync; 3.4 % of the others at most 2 frames off; 4 clips are long enough',
    '<ul class="warnings"><li>2 videos only: a network will &lt;learn&gt; these</li></ul>',
    '<tr><td>no face</td><td>5</td></tr><tr><td>silent</td><td>2</td></tr>',
    'by AVAlignNet; 25.0 % more than 2 frames off; of 2 clips it cannot be told; 1 clips were too short',
    'a&amp;b.mp4.t0.s0',
  ]) {
    expect(page).toContain(part);
  }
  expect(page).not.toMatch(/<(script|link)|(?:src|href)="(?!data:)/);
});

test('a histogram has a bar for each bin, as high as its share of the highest; an offset of 3 frames is red', () => {
  const page = dataReportPage(report, 'clips');
  const [, figure] = /<strong>Duration of a clip, seconds<\/strong>(.*?)<\/figure>/s.exec(page) ?? [];
  const heights = [...(figure?.matchAll(/height="([\d.]+)" fill/g) ?? [])].map(([, height]) => Number(height));
  expect(heights).toEqual([0, 120, 40]);
  expect(figure).toContain('least 1.0, median 2.0, greatest 3.0');
  const offsets = page.slice(page.indexOf('Offset in frames'));
  expect([...offsets.matchAll(/fill="var\(--(\w+)\)"><title>(-?\d): (\d)/g)].map(([, ...bar]) => bar)).toEqual(
    [-3, -2, -1, 0, 1, 2, 3].map((at) => [Math.abs(at) > 2 ? 'red' : 'green', `${at}`, at === 3 ? '1' : '0']),
  );
});

test('a crop is shown with its pixels and those of its landmarks that lie in it', () => {
  const page = dataReportPage(report, 'clips');
  const [, png] = /data:image\/png;base64,([^"]+)"/.exec(page) ?? [];
  expect(decode(Buffer.from(png as string, 'base64'))).toMatchObject({ width: 3, height: 2, data: thumbnail.rgb });
  expect(page.match(/<circle cx="1.0" cy="0.5"/g)).toHaveLength(67);
});

test('without measurements, people, drops and warnings the page says so', () => {
  const { people: _p, offsets: _o, ...rest } = report;
  const page = dataReportPage(
    { ...rest, warnings: [], dropped: {}, faceSize: MADE_SPREAD, voiced: MADE_SPREAD },
    'clips',
  );
  for (const part of [
    'No warnings.',
    'Offsets were not measured',
    '<p>Nothing.</p>',
    'Size of the face',
    'Share of speech',
  ])
    expect(page).toContain(part);
  expect(page).not.toContain('people');
});
