import { type FaceTrack, frameShape, type SyncRecipe } from '@lipsync/contracts';
import type { FrameWindow } from '@lipsync/score';

/** An image, RGB, 0..255. */
export type RgbImage = { data: Uint8Array; width: number; height: number };

/** What the network saw at one frame of the video. */
export type SeenCrop = RgbImage & { frameIndex: number };

/** What is kept of a face. */
export type FaceCrops = {
  /** Spread evenly over the face's time. */
  spread: SeenCrop[];
  /** Frame after frame, where its lips move most. */
  lively: SeenCrop[];
};

const SPREAD = 24;
const LIVELY = 18; // 0.7 s
/** Faces of which crops are kept, those that are seen longest: videos of hundreds of shots have hundreds of faces. */
const FACES = 16;
/** Larger crops are kept at half their size, or a third …, pixels. */
const LARGEST = 128;

/**
 * Keeps crops of each face as its windows pass by on their way to the network, in memory that does not grow with the
 * length of the video.
 *
 * @example
 * const crops = new CropCollector(protocol.recipe);
 * const score = await scoreVideo('talk.mp4', { expert, onWindow: (window) => crops.add(window) });
 * crops.of(score.faces[0].track)?.spread.length; // 24
 */
export class CropCollector {
  readonly #recipe: SyncRecipe;
  readonly #faces = new Map<number, KeptFace>();

  constructor(recipe: SyncRecipe) {
    this.#recipe = recipe;
  }

  add({ track, startFrame, frames }: FrameWindow): void {
    const face = this.#faces.get(track.id) ?? this.#take(track);
    if (!face) return;
    const middle = this.#recipe.frameCount >> 1;
    const frameIndex = startFrame + middle;
    const index = startFrame - track.firstFrame;
    const spread = index % face.stride === 0;
    const lively = index >= face.livelyFrom && index < face.livelyFrom + LIVELY;
    if (!spread && !lively) return;
    const crop = { ...imageOf(frames, middle, this.#recipe), frameIndex };
    if (spread) face.spread.push(crop);
    if (lively) face.lively.push(crop);
  }

  /** @param id a face's `track`; undefined where nothing of it was kept. */
  of(id: number): FaceCrops | undefined {
    return this.#faces.get(id);
  }

  /** Makes room for a face; undefined where others are seen longer. */
  #take(track: FaceTrack): KeptFace | undefined {
    if (this.#faces.size === FACES) {
      const [shortest, { frameCount }] = [...this.#faces].reduce((a, b) => (b[1].frameCount < a[1].frameCount ? b : a));
      if (frameCount >= track.frameCount) return undefined;
      this.#faces.delete(shortest);
    }
    const windows = Math.max(1, track.frameCount - this.#recipe.frameCount + 1);
    const face: KeptFace = {
      frameCount: track.frameCount,
      stride: Math.ceil(windows / SPREAD),
      livelyFrom: liveliestStretch(track, windows),
      spread: [],
      lively: [],
    };
    this.#faces.set(track.id, face);
    return face;
  }
}

type KeptFace = FaceCrops & { frameCount: number; stride: number; livelyFrom: number };

/** The first of `LIVELY` windows in which the distance of the inner lips changes most. */
function liveliestStretch({ points }: FaceTrack, windows: number): number {
  const opening = (i: number) =>
    Math.hypot(points[136 * i + 124] - points[136 * i + 132], points[136 * i + 125] - points[136 * i + 133]);
  const change = (i: number) => Math.abs(opening(i + 1) - opening(i));
  let sum = 0;
  for (let i = 0; i < LIVELY; i++) sum += change(i);
  let [best, most] = [0, sum];
  for (let from = 1; from + LIVELY <= windows; from++) {
    sum += change(from + LIVELY - 1) - change(from - 1);
    if (sum > most) [best, most] = [from, sum];
  }
  return best;
}

/** Frame `index` of a window `[height, width, frameCount * 3]` in the recipe's colours and range. */
export function imageOf(window: Float32Array, index: number, { crop, color, range, frameCount }: SyncRecipe): RgbImage {
  const shape = frameShape(crop);
  const step = Math.ceil(Math.max(shape.width, shape.height) / LARGEST);
  const [width, height] = [Math.floor(shape.width / step), Math.floor(shape.height / step)];
  const data = new Uint8Array(width * height * 3);
  const [low, high] = range;
  for (let y = 0, to = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const from = ((y * shape.width + x) * step * frameCount + index) * 3;
      for (let channel = 0; channel < 3; channel++, to++) {
        const value = window[from + (color === 'RGB' ? channel : 2 - channel)];
        data[to] = Math.round((255 * (value - low)) / (high - low));
      }
    }
  }
  return { data, width, height };
}
