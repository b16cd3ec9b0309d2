import {
  assertVideoFrame,
  type FaceLandmarks,
  fail,
  type LandmarkDetector,
  type Landmarks68,
  type VideoFrame,
} from '@lipsync/contracts';
import { boxOverlap, type LandmarkBox, landmarkBox, trackingSquare } from '../crop/landmark-geometry';
import type { Square } from '../crop/sample-square';
import { coarseImage, coarseSquare, imageSimilarity } from './coarse-image';
import { FaceDetectorNetwork } from './face-detector-network';
import { type FoundFace, findFaces, strongest } from './find-faces';
import { landmarksInSquares } from './landmark-crops';
import { LandmarkNetwork } from './landmark-network';
import { type LandmarkWeights, readLandmarkWeights } from './network-weights';

/** How faces are detected and tracked. */
export type LandmarkDetectorOptions = {
  /** Weights as bytes, or the URL of a folder with the `model` files; default: from the npm package (Node only). */
  weights?: LandmarkWeights | URL;
  /**
   * Test-time augmentations over which the landmarks of a face are averaged. 1: none, fast. 2: adds the mirror image.
   * 5: adds shifts, scales and rotations; half the jitter of 1, at four times the time. On three clips (faces 135 px
   * wide) the landmarks of 1 differ from those of 5 by 1.2 px on average, those of 2 by 0.4 px. Default 1.
   */
  testTimeViews?: 1 | 2 | 5;
  /** Faces tracked at once, the highest scores first. Default 4. */
  maxFaces?: number;
  /** Smallest detection score, 0..1. Default 0.3: low, as false detections are rejected by their landmarks. */
  minScore?: number;
  /** Frames between two runs of the face detector while no track is doubtful. Default 25. */
  detectEvery?: number;
  /**
   * Sides in pixels to which a frame is scaled for detection, multiples of 32, tried in this order. Default 224, 320,
   * 160, 416, 512.
   */
  scales?: readonly number[];
};

/** 224 finds large faces at little cost; the others are for what it misses. */
const SCALES = [224, 320, 160, 416, 512] as const;

/** Side of the network's square over the longer side of the landmarks' box. */
const SQUARE_SCALE = 1.2;

/**
 * Largest disagreement of the straight and the mirrored view, in sides of the square. Measured on 68 clips: on faces at
 * most 0.014, elsewhere at least 0.017 and 0.08 in the median.
 */
const MAX_SPREAD = 0.025;

/**
 * A face this large, as a share of the frame's shorter side, ends the search: others of its size would have been found
 * too.
 */
const LARGE_FACE = 0.4;

/**
 * Correlation of two coarse images below which the shot may have changed. Measured: from one frame to the next in
 * 68 clips at least 0.94, but 0.747 where a screen behind the speaker changes; between clips at most 0.77, 0.30 in the
 * median.
 */
const SAME_SHOT = 0.75;

/**
 * Correlation of a face's square before and after such a change below which it shows another face. Measured: from one
 * frame to the next at least 0.88 and nearly always above 0.97; between clips 0.42 in the median and above 0.88 in one
 * pair of 800.
 */
const SAME_FACE = 0.88;

/** Frames for which a lost face keeps its track id. */
const REMEMBERED = 12;

/** Longest wait, in frames, between two searches while no face is tracked. */
const LONGEST_WAIT = 5;

type Track = {
  id: number;
  score: number;
  /** The scale at which the detector found it last. */
  scale: number;
  points: Landmarks68;
  /** Where the landmark network is run next, and a coarse image of that square in the last frame. */
  square: Square;
  shown?: Float32Array;
};

/**
 * The default landmark detector: face-api's tiny face detector and 68-point network, rebuilt on tfjs operations, so
 * they run on the backend that the application has set.
 *
 * The face detector searches at several scales; from then on each face is tracked by an upright square around its
 * previous landmarks. It runs again every `detectEvery` frames, when a face jumps, and after a cut, which ends the
 * tracks whose face is no longer in its place. The 68-point network has no confidence and returns a face for any input;
 * a detection counts only where the landmarks of the straight and the mirrored view agree.
 *
 * @returns the detector. It holds the networks' weights as tensors: `dispose` it. Between calls it keeps no other
 * tensor and no frame.
 * @throws RangeError if an option is out of range; TypeError if the weights are not those of the two networks; Error if
 * they cannot be read.
 * @example
 * import { createLandmarkDetector } from '@lipsync/face-crop';
 * const detector = await createLandmarkDetector();
 * for await (const frame of frames) console.log(frame.index, (await detector.detect(frame)).length);
 * detector.dispose();
 */
export async function createLandmarkDetector(options: LandmarkDetectorOptions = {}): Promise<LandmarkDetector> {
  const where = 'createLandmarkDetector';
  const { testTimeViews = 1, maxFaces = 4, minScore = 0.3, detectEvery = 25, scales = SCALES, weights } = options;
  if (![1, 2, 5].includes(testTimeViews)) fail(RangeError, where, 'testTimeViews', '1, 2 or 5', testTimeViews);
  if (!(Number.isInteger(maxFaces) && maxFaces > 0))
    fail(RangeError, where, 'maxFaces', 'a whole number above 0', maxFaces);
  if (!(minScore > 0 && minScore < 1)) fail(RangeError, where, 'minScore', 'above 0 and below 1', minScore);
  if (!(Number.isInteger(detectEvery) && detectEvery > 0)) {
    fail(RangeError, where, 'detectEvery', 'a whole number of frames above 0', detectEvery);
  }
  if (!(scales.length > 0 && scales.every((scale) => Number.isInteger(scale) && scale > 0 && scale % 32 === 0))) {
    fail(RangeError, where, 'scales', 'one or more multiples of 32', [...scales]);
  }
  const stored = weights === undefined || weights instanceof URL ? await readLandmarkWeights(weights) : weights;
  const faces = new FaceDetectorNetwork(stored.detector);
  try {
    const points = new LandmarkNetwork(stored.landmarks);
    return new TrackingDetector(faces, points, { testTimeViews, maxFaces, minScore, detectEvery, scales });
  } catch (error) {
    faces.dispose();
    throw error;
  }
}

class TrackingDetector implements LandmarkDetector {
  readonly scheme = 'ibug68';
  #tracks: Track[] = [];
  #lost: { id: number; box: LandmarkBox; frameCount: number }[] = [];
  #nextId = 0;
  #last?: { coarse: Float32Array; width: number; height: number };
  #sinceDetection = 0;
  #searches = 0;
  #state: 'idle' | 'busy' | 'disposed' = 'idle';

  readonly #faces: FaceDetectorNetwork;
  readonly #network: LandmarkNetwork;
  readonly #options: Required<Omit<LandmarkDetectorOptions, 'weights'>>;

  constructor(
    faces: FaceDetectorNetwork,
    network: LandmarkNetwork,
    options: Required<Omit<LandmarkDetectorOptions, 'weights'>>,
  ) {
    this.#faces = faces;
    this.#network = network;
    this.#options = options;
  }

  async detect(frame: VideoFrame): Promise<FaceLandmarks[]> {
    const where = 'LandmarkDetector.detect';
    if (this.#state === 'disposed') fail(Error, where, 'detector', 'alive', 'a disposed one');
    if (this.#state === 'busy')
      fail(Error, where, 'detector', 'done with the previous frame', 'a second call meanwhile');
    assertVideoFrame(where, frame);
    this.#state = 'busy';
    try {
      const newShot = this.#noticeNewShot(frame);
      this.#sinceDetection++;
      this.#lost = this.#lost.filter((face) => ++face.frameCount <= REMEMBERED);
      const doubtful = (await this.#follow(frame)) || newShot;
      const patience = this.#tracks.length > 0 ? this.#options.detectEvery : Math.min(this.#searches, LONGEST_WAIT);
      if (doubtful || this.#sinceDetection >= patience) await this.#detectAgain(frame);
      for (const track of this.#tracks) track.shown = coarseSquare(frame, track.square);
      return this.#tracks.map(({ points, score, id }) => ({ points: points.slice(), score, trackId: id }));
    } finally {
      if (this.#state === 'busy') this.#state = 'idle';
    }
  }

  reset(): void {
    this.#endTracks();
    this.#nextId = 0;
    this.#last = undefined;
  }

  dispose(): void {
    this.#state = 'disposed';
    this.#faces.dispose();
    this.#network.dispose();
  }

  #endTracks(): void {
    this.#tracks = [];
    this.#lost = [];
    this.#searches = 0;
  }

  /** Ends the tracks whose face is gone after a cut; true where there may have been a cut. */
  #noticeNewShot(frame: VideoFrame): boolean {
    const { width, height } = frame;
    const coarse = coarseImage(frame);
    const last = this.#last;
    this.#last = { coarse, width, height };
    if (last?.width !== width || last.height !== height) {
      this.#endTracks();
      return true;
    }
    if (imageSimilarity(last.coarse, coarse) >= SAME_SHOT) return false;
    this.#tracks = this.#tracks.filter(
      ({ shown, square }) => shown && imageSimilarity(shown, coarseSquare(frame, square)) >= SAME_FACE,
    );
    this.#lost = [];
    return true;
  }

  /** Moves every track to this frame; true where one of them must be confirmed by the face detector. */
  async #follow(frame: VideoFrame): Promise<boolean> {
    const tracks = this.#tracks;
    const options = this.#options;
    const found = await landmarksInSquares(
      this.#network,
      frame,
      tracks.map((track) => track.square),
      options.testTimeViews,
    );
    let doubtful = false;
    tracks.forEach((track, i) => {
      const { points, spread } = found[i];
      const next = trackingSquare(points, SQUARE_SCALE);
      doubtful ||= spread > MAX_SPREAD || jumps(track.square, next) || leaves(next, frame);
      track.points = points;
      track.square = halfWay(track.square, next);
    });
    return doubtful;
  }

  async #detectAgain(frame: VideoFrame): Promise<void> {
    const options = this.#options;
    const known = [...new Set(this.#tracks.map((track) => track.scale))];
    let found =
      this.#tracks.length > 0
        ? await this.#search(frame, known, false)
        : await this.#search(frame, options.scales, true);
    if (this.#tracks.some((track) => !match(track, found))) {
      const others = options.scales.filter((scale) => !known.includes(scale));
      found = strongest([...found, ...(await this.#search(frame, others, false))]);
    }
    await this.#confirmTracks(frame, found);
    await this.#addNew(frame, found);
    this.#sinceDetection = 0;
    this.#searches = this.#tracks.length > 0 ? 0 : this.#searches + 1;
  }

  /** Faces at several scales; `untilLarge` stops at a face with a high score that fills much of the frame. */
  async #search(frame: VideoFrame, scales: readonly number[], untilLarge: boolean): Promise<FoundFace[]> {
    const large = LARGE_FACE * Math.min(frame.width, frame.height);
    let found: FoundFace[] = [];
    for (const scale of scales) {
      found = strongest([...found, ...(await findFaces(this.#faces, frame, scale, this.#options.minScore))]);
      if (untilLarge && found[0]?.score >= 0.6 && found[0].bottom - found[0].top >= large) break;
    }
    return found;
  }

  /** Confirms tracks by the detected boxes; a track without a box stays if its views agree. */
  async #confirmTracks(frame: VideoFrame, found: readonly FoundFace[]): Promise<void> {
    const kept: Track[] = [];
    for (const track of [...this.#tracks].sort((a, b) => b.score - a.score)) {
      const face = match(track, found);
      const duplicate = kept.some((other) => boxOverlap(landmarkBox(other.points), landmarkBox(track.points)) > 0.5);
      if (duplicate) continue;
      if (face) kept.push(Object.assign(track, { score: face.score, scale: face.scale }));
      else if (await this.#viewsAgree(frame, track)) kept.push(track);
      else this.#lost.push({ id: track.id, box: landmarkBox(track.points), frameCount: 0 });
    }
    this.#tracks = kept.sort((a, b) => a.id - b.id);
  }

  async #viewsAgree(frame: VideoFrame, track: Track): Promise<boolean> {
    const [{ spread }] = await landmarksInSquares(this.#network, frame, [track.square], 2);
    return spread <= MAX_SPREAD;
  }

  async #addNew(frame: VideoFrame, found: readonly FoundFace[]): Promise<void> {
    for (const face of found) {
      if (this.#tracks.length >= this.#options.maxFaces) return;
      if (this.#tracks.some((track) => match(track, [face]))) continue;
      const track = await this.#refine(frame, face);
      const box = track && landmarkBox(track.points);
      if (!track || !box || this.#tracks.some((other) => boxOverlap(landmarkBox(other.points), box) > 0.3)) continue;
      const before = this.#lost.find((other) => boxOverlap(other.box, box) > 0.4);
      this.#lost = this.#lost.filter((other) => other !== before);
      this.#tracks.push({ ...track, id: before?.id ?? this.#nextId++ });
    }
    this.#tracks.sort((a, b) => a.id - b.id);
  }

  /** Refines the square of a detected face; undefined where the landmarks show that there is no face. */
  async #refine(frame: VideoFrame, face: FoundFace): Promise<Omit<Track, 'id'> | undefined> {
    const { left, top, right, bottom, score, scale } = face;
    const side = Math.max(right - left, bottom - top);
    let square: Square = { x: (left + right) / 2, y: (top + bottom) / 2, side, angle: 0 };
    for (let i = 0; i < 2; i++) {
      const [{ points }] = await landmarksInSquares(this.#network, frame, [square], 1);
      square = trackingSquare(points, SQUARE_SCALE);
    }
    const [{ points, spread }] = await landmarksInSquares(
      this.#network,
      frame,
      [square],
      Math.max(2, this.#options.testTimeViews) as 2 | 5,
    );
    if (spread > MAX_SPREAD) return undefined;
    return { score, scale, points, square: trackingSquare(points, SQUARE_SCALE) };
  }
}

/** The best detection that overlaps the track. */
function match(track: Track, found: readonly FoundFace[]): FoundFace | undefined {
  const box = landmarkBox(track.points);
  return found.find((face) => boxOverlap(face, box) >= 0.3);
}

function jumps(before: Square, now: Square): boolean {
  const distance = Math.hypot(now.x - before.x, now.y - before.y) / before.side;
  const growth = now.side / before.side;
  return distance > 0.2 || growth > 1.25 || growth < 0.8;
}

function leaves({ x, y }: Square, { width, height }: VideoFrame): boolean {
  return x < 0 || y < 0 || x > width || y > height;
}

/** Half of the way to the new square: reduces the jitter of the square and with it of the points. */
function halfWay(a: Square, b: Square): Square {
  const turn = Math.atan2(Math.sin(b.angle - a.angle), Math.cos(b.angle - a.angle));
  return { x: (a.x + b.x) / 2, y: (a.y + b.y) / 2, side: (a.side + b.side) / 2, angle: a.angle + turn / 2 };
}
