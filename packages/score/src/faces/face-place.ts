/** An upright box: edges in whole pixels of the video's frames. */
export type FaceBox = { left: number; top: number; right: number; bottom: number };

/** What a face is told apart by. */
type Placed = { box: FaceBox | null; fromSec: number; toSec: number };

const ORDINALS = ['first', 'second', 'third', 'fourth', 'fifth', 'sixth', 'seventh', 'eighth'];

/**
 * Short words for each of several faces, no two the same: `left face`, `middle face`, `upper face`, `second face from the
 * left` among those that are there at the same time; the time where that does not tell them apart (`face from 2.0 to
 * 5.5 s`).
 *
 * @returns in the order of the faces; null for a face that is alone in its video, or has no box.
 */
export function placesOf(faces: readonly Placed[]): (string | null)[] {
  if (faces.length < 2) return faces.map(() => null);
  const places = faces.map((face) => face.box && placeAmong(face, faces));
  return places.map((place, i) => {
    if (place === null) return null;
    const alone = place !== 'face' && places.filter((other) => other === place).length === 1;
    const { fromSec, toSec } = faces[i];
    return alone ? place : `${place} from ${fromSec.toFixed(1)} to ${toSec.toFixed(1)} s`;
  });
}

/** Where a face is among those of its time. */
function placeAmong(face: Placed, faces: readonly Placed[]): string {
  const there = faces.filter(({ box, fromSec, toSec }) => box && fromSec < face.toSec && toSec > face.fromSec);
  if (there.length < 2) return 'face';
  const x = ({ box }: Placed) => (box!.left + box!.right) / 2;
  const y = ({ box }: Placed) => (box!.top + box!.bottom) / 2;
  const spread = (at: typeof x) => Math.max(...there.map(at)) - Math.min(...there.map(at));
  const [at, first, last, edge] = spread(x) >= spread(y) ? [x, 'left', 'right', 'left'] : [y, 'upper', 'lower', 'top'];
  const index = there.sort((a, b) => at(a) - at(b)).indexOf(face);
  if (there.length === 2) return `${[first, last][index]} face`;
  if (there.length === 3) return `${[first, 'middle', last][index]} face`;
  return `${ORDINALS[index] ?? `${index + 1}th`} face from the ${edge}`;
}
