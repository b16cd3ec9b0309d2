import type { FaceTrack, Landmarks68 } from '@lipsync/contracts';

/** Longest run of missing frames that is interpolated, and shortest track that is kept. */
export type TrackRules = { maxGap: number; minFrames: number };

type Open = {
  order: number;
  firstFrame: number;
  frameCount: number;
  points: Float32Array;
  score: number;
  seen: number;
};

/**
 * Joins landmarks, frame by frame, into gap-free tracks.
 *
 * A gap of up to `maxGap` frames is interpolated linearly; a longer one ends the track and starts another. Tracks
 * shorter than `minFrames` are dropped. Memory grows with the number of points only.
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
    if (track && frame - track.firstFrame - track.frameCount > this.#rules.maxGap) {
      this.#end(key);
      track = undefined;
    }
    if (!track) {
      track = {
        order: this.#started++,
        firstFrame: frame,
        frameCount: 0,
        points: new Float32Array(136 * 32),
        score: 0,
        seen: 0,
      };
      this.#open.set(key, track);
    }
    append(track, frame, points);
    track.score += score;
    track.seen++;
  }

  /** Ends the tracks that can no longer be continued at this frame. */
  expire(frame: number): void {
    for (const [key, track] of this.#open) {
      if (frame - track.firstFrame - track.frameCount > this.#rules.maxGap) this.#end(key);
    }
  }

  /** Ends all tracks and returns those that are long enough, numbered from 0 in the order of their first frame. */
  finish(): FaceTrack[] {
    for (const key of [...this.#open.keys()]) this.#end(key);
    return this.#finished
      .sort((a, b) => a.order - b.order)
      .map(({ firstFrame, frameCount, points, score, seen }, id) => ({
        id,
        firstFrame,
        frameCount,
        points: points.slice(0, frameCount * 136),
        score: score / seen,
        interpolated: frameCount - seen,
      }));
  }

  #end(key: number): void {
    const track = this.#open.get(key)!;
    this.#open.delete(key);
    if (track.frameCount >= this.#rules.minFrames) this.#finished.push(track);
  }
}

function append(track: Open, frame: number, points: Landmarks68): void {
  const index = frame - track.firstFrame;
  if ((index + 1) * 136 > track.points.length) {
    const larger = new Float32Array(Math.max(track.points.length * 2, (index + 1) * 136));
    larger.set(track.points);
    track.points = larger;
  }
  track.points.set(points, index * 136);
  const before = track.frameCount - 1;
  for (let i = track.frameCount; i < index; i++) {
    const share = (i - before) / (index - before);
    for (let k = 0; k < 136; k++) {
      const from = track.points[before * 136 + k];
      track.points[i * 136 + k] = from + (points[k] - from) * share;
    }
  }
  track.frameCount = index + 1;
}
