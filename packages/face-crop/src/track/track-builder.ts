import type { FaceTrack, Landmarks68 } from '@lipsync/contracts';
import { RowQueue } from '@lipsync/nn/arrays';

/** Rules of a `TrackBuilder`. */
export type TrackRules = {
  /** Longest run of missing frames that is interpolated. */
  maxGap: number;
  /** Shorter tracks are dropped, frames. */
  minFrames: number;
};

type Open = {
  order: number;
  firstFrame: number;
  /** Points of every frame from `firstFrame` on. */
  rows: RowQueue;
  score: number;
  seen: number;
  /** Searched frames without this face, up to the last one with it and since then. */
  notFound: number;
  notFoundSince: number;
};

const NOT_SEEN = { score: 0, seen: 0, notFound: 0, notFoundSince: 0 };

/**
 * Joins landmarks, frame by frame, into gap-free tracks.
 *
 * A gap of up to `maxGap` frames is interpolated linearly; a longer one ends the track and starts another. Tracks
 * shorter than `minFrames` are dropped. Memory grows with the number of points only, and not at all with `forget`.
 *
 * @example
 * import { TrackBuilder } from '@lipsync/face-crop';
 * const tracks = new TrackBuilder({ maxGap: 10, minFrames: 5 });
 * for (const { trackId, points, score } of await detector.detect(frame)) tracks.add(trackId, frame.index, points, score);
 * const [face] = tracks.open().values(); // so far
 */
export class TrackBuilder {
  readonly #open = new Map<number, Open>();
  readonly #finished: Open[] = [];
  #started = 0;

  readonly #rules: TrackRules;

  constructor(rules: TrackRules) {
    this.#rules = rules;
  }

  /** Adds one face of one frame; frames in rising order. */
  add(key: number, frame: number, points: Landmarks68, score: number): void {
    let track = this.#open.get(key);
    if (track && frame - track.firstFrame - track.rows.count > this.#rules.maxGap) {
      this.#end(key);
      track = undefined;
    }
    if (!track) {
      track = { order: this.#started++, firstFrame: frame, rows: new RowQueue(136, 32), ...NOT_SEEN };
      this.#open.set(key, track);
    }
    append(track, frame, points);
    track.score += score;
    track.seen++;
    track.notFound += track.notFoundSince;
    track.notFoundSince = 0;
  }

  /** All faces of a searched frame were added: ends the tracks that can no longer be continued. */
  expire(frame: number): void {
    for (const [key, track] of this.#open) {
      const gap = frame - track.firstFrame - track.rows.count;
      if (gap >= 0) track.notFoundSince++; // else its last row is this frame
      if (gap > this.#rules.maxGap) this.#end(key);
    }
  }

  /**
   * The tracks that can still be continued, by their keys, as far as they go and are not forgotten. `score`,
   * `interpolated` and `notFound` are of the whole track, with what is forgotten.
   */
  open(): Map<number, FaceTrack> {
    return new Map([...this.#open].map(([key, track]) => [key, trackOf(track, track.order)]));
  }

  /** Forgets points before this frame, but for the last one of each open track, and all tracks that have ended. */
  forget(frame: number): void {
    this.#finished.length = 0;
    for (const { firstFrame, rows } of this.#open.values())
      rows.dropBefore(Math.min(frame - firstFrame, rows.count - 1));
  }

  /** Ends all tracks and returns those that are long enough, numbered from 0 in the order of their first frame. */
  finish(): FaceTrack[] {
    for (const key of [...this.#open.keys()]) this.#end(key);
    return this.#finished.sort((a, b) => a.order - b.order).map(trackOf);
  }

  #end(key: number): void {
    const track = this.#open.get(key)!;
    this.#open.delete(key);
    if (track.rows.count >= this.#rules.minFrames) this.#finished.push(track);
  }
}

function trackOf({ firstFrame, rows, score, seen, notFound }: Open, id: number): FaceTrack {
  return {
    id,
    firstFrame: firstFrame + rows.first,
    frameCount: rows.held,
    points: rows.rows(rows.first, rows.count).slice(),
    score: score / seen,
    interpolated: rows.count - seen,
    notFound,
  };
}

function append({ firstFrame, rows }: Open, frame: number, points: Landmarks68): void {
  const index = frame - firstFrame;
  const before = rows.count - 1;
  const last = rows.row(before).slice();
  for (let i = rows.count; i < index; i++) {
    const share = (i - before) / (index - before);
    rows.push(last.map((from, k) => from + (points[k] - from) * share));
  }
  if (index < rows.count) rows.row(index).set(points);
  else rows.push(points);
}
