/** Mean distance by offset for three audio tracks; LSE-D and LSE-C are marked in the one that is early. */
import { curve, line, picture, scale, text } from './svg.mjs';

const BOX = { left: 56, right: 650, top: 24, bottom: 300 };

export function distanceCurves({ shifted }) {
  const all = shifted.flatMap(({ curve: points }) => points.map(([, distance]) => distance));
  const low = Math.floor(Math.min(...all) * 20) / 20 - 0.05;
  const high = Math.ceil(Math.max(...all) * 20) / 20;
  const x = scale(-15, 15, BOX.left, BOX.right);
  const y = scale(low, high, BOX.bottom, BOX.top);
  const curves = shifted.map(({ curve: points, sentence, lseD }, i) => {
    const style = ['c', 'b', 'a'][i];
    const [at] = points.reduce((best, point) => (point[1] < best[1] ? point : best));
    return [
      curve(
        points.map(([offset, distance]) => [x(offset), y(distance)]),
        style,
      ),
      `<circle class="${style}-fill" cx="${x(at)}" cy="${y(lseD)}" r="4.5"/>`,
      text(x(at), y(lseD) + 20, sentence.replace('audio is ', '').replace(/ \(.*\)/, ''), { anchor: 'middle' }),
    ];
  });
  return picture({
    width: 760,
    height: 360,
    title: 'Mean distance by offset, for the same frames with three audio tracks',
    body: [
      [-15, -10, -5, 0, 5, 10, 15].map((offset) => [
        line(x(offset), BOX.top, x(offset), BOX.bottom),
        text(x(offset), BOX.bottom + 20, offset > 0 ? `+${offset}` : `${offset}`, { anchor: 'middle' }),
      ]),
      [1, 1.1, 1.2].map((distance) => text(BOX.left - 8, y(distance) + 4, distance.toFixed(1), { anchor: 'end' })),
      text((BOX.left + BOX.right) / 2, BOX.bottom + 44, 'offset in frames; positive: the audio is early', {
        anchor: 'middle',
      }),
      text(BOX.left + 4, BOX.top - 8, 'mean distance'),
      curves,
      marks(shifted[1], x, y),
    ],
  });
}

/** LSE-D as the lowest point, LSE-C as the height from there to the median. */
function marks({ lseD, lseC }, x, y) {
  const at = BOX.right + 12;
  return [
    line(x(5), y(lseD), at, y(lseD), true),
    line(x(5), y(lseD + lseC), at, y(lseD + lseC), true),
    `<line class="b" stroke-width="2" x1="${at}" y1="${y(lseD)}" x2="${at}" y2="${y(lseD + lseC)}"/>`,
    text(at + 8, (y(lseD) + y(lseD + lseC)) / 2 + 4, `LSE-C ${lseC.toFixed(3)}`, { style: 'strong' }),
    text(at + 8, y(lseD) + 5, `LSE-D ${lseD.toFixed(3)}`, { style: 'strong' }),
    text(at + 8, y(lseD + lseC) + 5, 'median'),
  ];
}
