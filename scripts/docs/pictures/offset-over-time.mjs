/** The offset of about every four seconds of a video whose audio jumps in the middle, with the parts that were found. */
import { line, picture, scale, text } from './svg.mjs';

const BOX = { left: 56, right: 735, top: 30, bottom: 220 };

export function offsetOverTime({ changing: { sentence, overTime, parts } }) {
  const seconds = Math.max(...parts.map(({ toSec }) => toSec));
  const x = scale(0, seconds, BOX.left, BOX.right);
  const y = scale(-8, 8, BOX.bottom, BOX.top);
  const found = parts.filter(({ offsetFrames }) => offsetFrames !== null);
  return picture({
    width: 760,
    height: 260,
    title: sentence,
    body: [
      [-5, 0, 5].map((offset) => [
        line(BOX.left, y(offset), BOX.right, y(offset), offset === 0),
        text(BOX.left - 8, y(offset) + 4, offset > 0 ? `+${offset}` : `${offset}`, { anchor: 'end' }),
      ]),
      text(12, BOX.top - 12, 'offset in frames'),
      found.map(({ fromSec, toSec, offsetFrames }) => {
        const style = offsetFrames > 0 ? 'b' : 'a';
        return `<line class="${style}" stroke-width="9" stroke-opacity=".3" x1="${x(fromSec)}" y1="${y(offsetFrames)}" x2="${x(toSec)}" y2="${y(offsetFrames)}"/>`;
      }),
      overTime.map(({ fromSec, toSec, offsetFrames, exactFrames }) => {
        const middle = x((fromSec + toSec) / 2);
        if (offsetFrames === null) return text(middle, y(0) - 8, '?', { anchor: 'middle' });
        return `<circle class="${offsetFrames > 0 ? 'b' : 'a'}-fill" cx="${middle.toFixed(1)}" cy="${y(exactFrames).toFixed(1)}" r="4.5"/>`;
      }),
      [0, 5, 10, 15, 20].map((second) => text(x(second), BOX.bottom + 20, `${second} s`, { anchor: 'middle' })),
    ],
  });
}
