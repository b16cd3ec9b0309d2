import {
  assertVideoFrame,
  type FaceLandmarks,
  fail,
  type LandmarkDetector,
  type Landmarks68,
  type VideoFrame,
} from '@lipsync/contracts';
import type { CompileNetwork } from '@lipsync/contracts/tensors';
import { boxOverlap, type LandmarkBox, landmarkBox } from '../crop/landmark-geometry';
import type { Square } from '../crop/sample-square';
import { BlazefaceNetworks, type BlazefaceWeights, readBlazefaceWeights } from '../mediapipe/blazeface-networks';
import { MediapipeNetworks } from '../mediapipe/mediapipe-networks';
import { type MediapipeWeights, readMediapipeWeights } from '../mediapipe/mediapipe-weights';
import { coarseImage, coarseSquare, imageSimilarity } from './coarse-image';
import { FaceApiNetworks } from './face-api-networks';
import type { FaceNetworks } from './face-networks';
import { type FoundFace, strongest } from './find-faces';
import type { CropLandmarks } from './landmark-crops';
import { type LandmarkWeights, readLandmarkWeights } from './network-weights';

/**
 * The networks that find faces and their points. `blazeface-68`, the default: MediaPipe's BlazeFace and face-api's 68
 * points. `mediapipe`: BlazeFace and MediaPipe's Face Mesh. `face-api`: its tiny face detector and 68 points.
 */
export const LANDMARK_MODELS = ['blazeface-68', 'mediapipe', 'face-api'] as const;

/** A name of `LANDMARK_MODELS`. */
export type LandmarkModel = (typeof LANDMARK_MODELS)[number];

/** How faces are detected and tracked. */
export type LandmarkDetectorOptions = {
  /** Which networks. Default `blazeface-68`. */
  model?: LandmarkModel;
  /**
   * Weights of the model as bytes, or the URL of a folder with their files. Default: those that come with this package; outside Node
   * by the addresses that the page's bundler gives them.
   */
  weights?: BlazefaceWeights | MediapipeWeights | LandmarkWeights | URL;
  /**
   * Test-time augmentations over which the landmarks of a face are averaged. 1: none, fast. 2: adds the mirror image.
   * 5: adds shifts, scales and rotations; half the jitter of 1, at four times the time. On three clips (faces 135 px
   * wide) the landmarks of 1 differ from those of 5 by 1.2 px on average, those of 2 by 0.4 px. Default 1.
   */
  testTimeViews?: 1 | 2 | 5;
  /** Faces tracked at once, the highest scores first. Default 4. */
  maxFaces?: number;
  /**
   * Smallest detection score, 0..1. Default 0.5; 0.3 of `face-api`: low, as false detections are
   * rejected by their landmarks.
   */
  minScore?: number;
  /** Frames between two runs of the face detector while no track is doubtful. Default 25. */
  detectEvery?: number;
  /**
   * Sides in pixels to which a frame is scaled for detection, multiples of 32, tried in this order. Default 256, 512;
   * 224, 320, 160, 416, 512 of `face-api`.
   */
  scales?: readonly number[];
  /**
   * Runs the networks in another engine, such as onnxruntime by `onnxCompiler` of `@lipsync/onnx`; the weights are read
   * on the backend that is set. Default: in TensorFlow.js.
   */
  compile?: CompileNetwork;
};

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

/** While no face is found, one of so many searches also looks for small ones. */
const FINE_EVERY = 5;

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
 * A landmark detector: MediaPipe's BlazeFace with face-api's 68-point network or with MediaPipe's Face Mesh, or
 * face-api's own detector, rebuilt on tfjs operations, so they run on the backend that the application has set.
 *
 * The face detector searches at several scales; from then on each face is tracked by a square around its previous
 * landmarks, level with its eyes. It runs again every `detectEvery` frames, when a face jumps, and after a cut, which
 * ends the tracks whose face is no longer in its place. A detection counts only where the point network confirms it:
 * the mesh by its confidence of at least 0.5, the 68-point network, which returns a face for any input, where the
 * landmarks of the straight and the mirrored view agree.
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
  const {
    model = LANDMARK_MODELS[0],
    testTimeViews = 1,
    maxFaces = 4,
    detectEvery = 25,
    minScore,
    scales,
    weights,
    compile,
  } = options;
  if (!LANDMARK_MODELS.includes(model)) fail(RangeError, where, 'model', LANDMARK_MODELS.join(', '), model);
  if (![1, 2, 5].includes(testTimeViews)) fail(RangeError, where, 'testTimeViews', '1, 2 or 5', testTimeViews);
  if (!(Number.isInteger(maxFaces) && maxFaces > 0))
    fail(RangeError, where, 'maxFaces', 'a whole number above 0', maxFaces);
  if (minScore !== undefined && !(minScore > 0 && minScore < 1))
    fail(RangeError, where, 'minScore', 'above 0 and below 1', minScore);
  if (!(Number.isInteger(detectEvery) && detectEvery > 0)) {
    fail(RangeError, where, 'detectEvery', 'a whole number of frames above 0', detectEvery);
  }
  if (
    scales &&
    !(scales.length > 0 && scales.every((scale) => Number.isInteger(scale) && scale > 0 && scale % 32 === 0))
  )
    fail(RangeError, where, 'scales', 'one or more multiples of 32', [...scales]);
  const networks = await loadNetworks(where, { model, weights, compile });
  const rules = { testTimeViews, maxFaces, detectEvery, minScore: minScore ?? networks.minScore };
  return new TrackingDetector(model, networks, { ...rules, scales: scales ?? networks.scales });
}

/** The networks of each model, from weights of these names or from files. */
const NETWORKS = {
  'blazeface-68': {
    weights: ['blazeface', 'landmarks'],
    read: readBlazefaceWeights,
    make: (weights: BlazefaceWeights, compile?: CompileNetwork) => new BlazefaceNetworks(weights, compile),
  },
  mediapipe: {
    weights: ['blazeface', 'facemesh'],
    read: readMediapipeWeights,
    make: (weights: MediapipeWeights, compile?: CompileNetwork) => new MediapipeNetworks(weights, compile),
  },
  'face-api': {
    weights: ['detector', 'landmarks'],
    read: readLandmarkWeights,
    make: (weights: LandmarkWeights, compile?: CompileNetwork) => new FaceApiNetworks(weights, compile),
  },
} as const;

async function loadNetworks(
  where: string,
  { model, weights, compile }: { model: LandmarkModel } & Pick<LandmarkDetectorOptions, 'weights' | 'compile'>,
): Promise<FaceNetworks> {
  const { weights: names, read, make } = NETWORKS[model];
  if (weights !== undefined && !(weights instanceof URL)) {
    if (!names.every((name) => name in weights))
      fail(TypeError, where, 'weights', `those of ${model} (${names.join(', ')})`, Object.keys(weights));
    return make(weights as never, compile);
  }
  return make((await read(weights)) as never, compile);
}

type TrackingOptions = Required<Omit<LandmarkDetectorOptions, 'weights' | 'model' | 'compile'>>;

class TrackingDetector implements LandmarkDetector {
  readonly scheme = 'ibug68';
  readonly name: LandmarkModel;
  #tracks: Track[] = [];
  #lost: { id: number; box: LandmarkBox; frameCount: number }[] = [];
  #nextId = 0;
  #last?: { coarse: Float32Array; width: number; height: number };
  #sinceDetection = 0;
  #searches = 0;
  #state: 'idle' | 'busy' | 'disposed' = 'idle';

  readonly #networks: FaceNetworks;
  readonly #options: TrackingOptions;

  constructor(name: LandmarkModel, networks: FaceNetworks, options: TrackingOptions) {
    this.name = name;
    this.#networks = networks;
    this.#options = options;
  }

  smallestFace({ width, height }: { width: number; height: number }): number {
    const longer = Math.max(width, height);
    const scales = [...this.#options.scales, ...this.#fineScales(longer)];
    return (this.#networks.facePixels * longer) / Math.max(...scales);
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
    this.#networks.dispose();
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
    const networks = this.#networks;
    const squares = tracks.map((track) => track.square);
    const found = await networks.landmarks(frame, squares, this.#options.testTimeViews);
    let doubtful = false;
    tracks.forEach((track, i) => {
      const next = networks.nextSquare(track.square, found[i]);
      doubtful ||= !networks.isFace(found[i]) || jumps(track.square, next) || leaves(next, frame);
      track.points = found[i].points;
      track.square = towards(track.square, next, networks.follow);
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
    if (this.#tracks.length === 0 && found.length === 0 && this.#searches % FINE_EVERY === 0)
      found = await this.#searchFinely(frame);
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
      found = strongest([...found, ...(await this.#networks.findFaces(frame, scale, this.#options.minScore))]);
      if (untilLarge && found[0]?.score >= 0.6 && found[0].bottom - found[0].top >= large) break;
    }
    return found;
  }

  /** Those that do not enlarge the frame by much, which would show nothing more. */
  #fineScales(longer: number): number[] {
    return this.#networks.fineScales.filter((scale) => scale <= 1.5 * longer);
  }

  /** Faces too small for the ordinary scales, at the first scale that shows some. */
  async #searchFinely(frame: VideoFrame): Promise<FoundFace[]> {
    for (const scale of this.#fineScales(Math.max(frame.width, frame.height))) {
      const found = await this.#networks.findFaces(frame, scale, this.#options.minScore);
      if (found.length > 0) return found;
    }
    return [];
  }

  /** Confirms tracks by the detected boxes; a track without a box stays if its views agree. */
  async #confirmTracks(frame: VideoFrame, found: readonly FoundFace[]): Promise<void> {
    const kept: Track[] = [];
    for (const track of [...this.#tracks].sort((a, b) => b.score - a.score)) {
      const face = match(track, found);
      const duplicate = kept.some((other) => boxOverlap(landmarkBox(other.points), landmarkBox(track.points)) > 0.5);
      if (duplicate) continue;
      if (face) kept.push(Object.assign(track, { score: face.score, scale: face.scale }));
      else if (await this.#isFace(frame, track)) kept.push(track);
      else this.#lost.push({ id: track.id, box: landmarkBox(track.points), frameCount: 0 });
    }
    this.#tracks = kept.sort((a, b) => a.id - b.id);
  }

  async #isFace(frame: VideoFrame, track: Track): Promise<boolean> {
    const [found] = await this.#networks.landmarks(frame, [track.square], this.#networks.checkViews);
    return this.#networks.isFace(found);
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
    const networks = this.#networks;
    const { score, scale } = face;
    let square = networks.firstSquare(face);
    let found: CropLandmarks;
    for (let i = 0; i < 2; i++) {
      [found] = await networks.landmarks(frame, [square], 1);
      square = networks.nextSquare(square, found);
    }
    const views = Math.max(networks.checkViews, this.#options.testTimeViews) as 1 | 2 | 5;
    [found] = await networks.landmarks(frame, [square], views);
    if (!networks.isFace(found)) return undefined;
    return { score, scale, points: found.points, square: networks.nextSquare(square, found) };
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

/** A share of the way to the new square. */
function towards(a: Square, b: Square, share: number): Square {
  const turn = Math.atan2(Math.sin(b.angle - a.angle), Math.cos(b.angle - a.angle));
  const between = (from: number, to: number) => from + (to - from) * share;
  return {
    x: between(a.x, b.x),
    y: between(a.y, b.y),
    side: between(a.side, b.side),
    angle: a.angle + turn * share,
  };
}
