/** Two seconds: how wide the mouth is open in each frame, above the loudness of the audio, in place, early and late. */
import { bars, line, picture, round, text } from './svg.mjs';

const WIDTH = 760;
const LEFT = 12;
const STEP = (WIDTH - 2 * LEFT) / 50;

export function earlyAndLate({ openings, shifted }) {
  const loudest = Math.max(...shifted.flatMap(({ loudness }) => loudness));
  const rows = shifted.map(({ sentence, loudness }, i) => {
    const y = 206 + i * 96;
    const style = ['c', 'b', 'a'][i];
    const values = loudness.map((value) => value / loudest);
    return [
      text(LEFT, y - 58, `loudness, ${sentence}`, { style: 'strong' }),
      bars(values, { x: LEFT, y, step: STEP / 4, height: 50, style: `${style}-fill` }),
      line(LEFT, y, WIDTH - LEFT, y),
    ];
  });
  const { first, last } = longestPause(openings);
  const pause = { x: LEFT + first * STEP, width: (last + 1 - first) * STEP };
  return picture({
    width: WIDTH,
    height: 440,
    title: 'The same mouth with audio in place, early and late',
    body: [
      `<rect class="ink" fill-opacity=".16" x="${round(pause.x)}" y="32" width="${round(pause.width)}" height="368"/>`,
      text(pause.x + pause.width / 2, 48, 'lips closed', { anchor: 'middle' }),
      text(LEFT, 20, 'how wide the mouth is open, frame by frame', { style: 'strong' }),
      bars(openings, { x: LEFT, y: 104, step: STEP, height: 72, style: 'ink' }),
      line(LEFT, 104, WIDTH - LEFT, 104),

      rows,
      [0, 0.5, 1, 1.5, 2].map((second) =>
        text(LEFT + second * 25 * STEP, 424, `${second} s`, {
          anchor: second === 0 ? 'start' : second === 2 ? 'end' : 'middle',
        }),
      ),
    ],
  });
}

/** The frames of the longest stretch with closed lips. */
function longestPause(openings) {
  let best = { first: 0, last: -1 };
  for (let first = 0; first < openings.length; first++) {
    let last = first;
    while (openings[last] < 0.05) last++;
    if (last - 1 - first > best.last - best.first) best = { first, last: last - 1 };
  }
  return best;
}
