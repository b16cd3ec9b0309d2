import { frameDistance, type SketchDatabase } from './sketch-database';

/** A frame of the database and how far it is from a query. */
export type Candidate = { frame: number; cost: number };

/**
 * The frames of a database that are nearest to a query frame, the nearest first; of equal ones the earlier.
 *
 * @param query normalised points.
 * @param at where the query frame starts.
 */
export function nearestFrames(
  database: SketchDatabase,
  [query, at]: readonly [Float32Array, number],
  count: number,
): Candidate[] {
  const { points, weights, frameCount, pointCount } = database;
  const found: Candidate[] = [];
  for (let frame = 0; frame < frameCount; frame++) {
    const bound = found.length < count ? Infinity : found[found.length - 1].cost;
    const cost = frameDistance(weights, [query, at], [points, frame * pointCount * 2], bound);
    if (!(cost < bound)) continue;
    let place = found.length;
    while (place > 0 && found[place - 1].cost > cost) place--;
    found.splice(place, 0, { frame, cost });
    if (found.length > count) found.pop();
  }
  return found;
}
