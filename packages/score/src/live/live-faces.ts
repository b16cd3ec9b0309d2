import type { FaceTrack, LandmarkDetector, StoredCrop, SyncRecipe, VideoFrame } from '@lipsync/contracts';
import { type CropPlan, type LandmarkBox, landmarkBox, planCrops, TrackBuilder } from '@lipsync/face-crop';
import { type Embedder, ImageCounter } from '@lipsync/metrics';
import { storedCropFor, WindowSampler } from '@lipsync/sync-windows';
import { faceFacts } from '../faces/face-facts';
import type { PlainImage } from '../frames/images';
import type { GridFrame } from './clock/frame-grid';
import { RowRuns } from './row-runs';

/** Frames after a frame that its smoothed crop depends on: see `trackPoses` of face-crop. */
const AHEAD = 16;
/** Frames that are cut, and embedded, at a time. */
const BLOCK = 8;
/** Faces are searched in every second frame, of those with a new image, and their points interpolated. */
const STRIDE = 2;
/** Longest gap in a track that is interpolated, frames. */
const MOST_GAP = 10;

export type LiveFacesOptions = {
  embedder: Embedder;
  /** Finds the landmarks; borrowed. None: the frames are mouths already. */
  detector?: LandmarkDetector;
  /** Frames of a face that are kept. */
  keptFrames: number;
  /** Called when there are more rows. */
  onRows: () => void;
};

/** A face that is followed. */
export type LiveFace = {
  readonly id: number;
  /** Embeddings, the row of the window that begins at a frame. */
  readonly rows: RowRuns;
  /** What its points say of it, of the frames that are kept. */
  readonly facts: ReturnType<typeof faceFacts>;
  /** Box of the landmarks in the last frame with the face, pixels. */
  readonly box?: LandmarkBox;
  /** That frame; -1 before the first. */
  readonly seenAt: number;
  /** The mouth as the network sees it, in the last frame that was cut: RGB. */
  readonly mouth?: PlainImage;
  imagesPerSec(): number | undefined;
};

/**
 * The visual side of a live meter: frames at a constant rate to the embeddings of every face.
 *
 * Crops are those of `planCrops` of the last frames' track, so they lie a second behind: the smoothing looks ahead by 16
 * frames, and eight are cut at a time.
 *
 * Memory: about 25 frames, and the points and embeddings of the last `keptFrames`.
 */
export class LiveFaces {
  readonly #options: LiveFacesOptions;
  readonly #recipe: SyncRecipe;
  readonly #stored: StoredCrop;
  readonly #faces = new Map<number, FollowedFace>();
  #builder = newBuilder();
  #held: VideoFrame[] = [];
  #shownAt = -1;
  #searchedAt = -STRIDE;
  #size = { width: 0, height: 0 };

  constructor(options: LiveFacesOptions) {
    this.#options = options;
    this.#recipe = options.embedder.expert.recipe;
    this.#stored = storedCropFor(this.#recipe.crop);
  }

  /** The faces that were seen within the frames that are kept. */
  get faces(): LiveFace[] {
    return [...this.#faces.values()];
  }

  /** Whether a face was in the last frame that was searched. */
  get seesFace(): boolean {
    return [...this.#faces.values()].some(({ seenAt }) => seenAt >= this.#searchedAt);
  }

  /** Takes the next frame; one after a gap ends the run of those before. */
  async take({ image, index, repeated }: GridFrame<PlainImage>): Promise<void> {
    const { width, height } = image;
    const resized = width !== this.#size.width || height !== this.#size.height;
    if (index !== this.#shownAt + 1 || resized) await this.end();
    if (resized) {
      this.#builder = newBuilder(); // points of frames of another size
      this.#size = { width, height };
    }
    this.#shownAt = index;
    const frame = { data: image.data as Uint8Array, width, height, index, timeSec: index / this.#recipe.fps };
    this.#held.push(frame);
    if (!repeated && index - this.#searchedAt >= STRIDE) await this.#detect(frame);
    const ready = index + 1 - AHEAD;
    if (this.#held.length >= AHEAD + BLOCK) await this.#cut(ready);
  }

  /** Cuts what is held: the end of the frames, or of a run of them. */
  async end(): Promise<void> {
    const last = this.#held.at(-1);
    if (last && this.#searchedAt < last.index) await this.#detect(last); // else no track reaches it
    await this.#cut(this.#shownAt + 1);
  }

  async #detect(frame: VideoFrame): Promise<void> {
    const { detector } = this.#options;
    this.#searchedAt = frame.index;
    if (!detector) {
      this.#builder.add(0, frame.index, new Float32Array(136), 1);
      this.#face(0).seenAt = frame.index;
      return;
    }
    for (const { trackId, points, score } of await detector.detect(frame)) {
      this.#builder.add(trackId, frame.index, points, score);
      this.#face(trackId).see(frame.index, points);
    }
  }

  #face(id: number): FollowedFace {
    const known = this.#faces.get(id);
    if (known) return known;
    const { embedder, keptFrames } = this.#options;
    const face = new FollowedFace(id, { embedder, keptFrames, stored: this.#stored });
    this.#faces.set(id, face);
    return face;
  }

  /** Cuts the frames before `end` out of all tracks, embeds their windows and releases them. */
  async #cut(end: number): Promise<void> {
    const { keptFrames, onRows } = this.#options;
    const frames = this.#held.filter(({ index }) => index < end);
    this.#held = this.#held.filter(({ index }) => index >= end);
    for (const [id, track] of frames.length > 0 ? this.#builder.open() : []) {
      const plan = planCrops(track, this.#stored, this.#size);
      await this.#face(id).cut(frames, track, plan);
    }
    this.#builder.expire(end); // not before its last frames are cut
    this.#builder.forget(end - keptFrames);
    for (const [id, face] of this.#faces) {
      face.rows.dropBefore(end - keptFrames);
      if (face.rows.held === 0 && face.seenAt < end - keptFrames) this.#faces.delete(id);
    }
    if (frames.length > 0) onRows();
  }
}

const newBuilder = () => new TrackBuilder({ maxGap: MOST_GAP, minFrames: 1 });

class FollowedFace implements LiveFace {
  readonly id: number;
  readonly rows: RowRuns;
  readonly #embedder: Embedder;
  readonly #recipe: SyncRecipe;
  readonly #stored: StoredCrop;
  readonly #images: ImageCounter;
  #sampler: WindowSampler;
  #next = 0; // frame that follows the last one in the sampler
  seenAt = -1;
  box?: LandmarkBox;
  mouth?: PlainImage;
  facts: ReturnType<typeof faceFacts> = {};

  constructor(
    id: number,
    { embedder, keptFrames, stored }: Pick<LiveFacesOptions, 'embedder' | 'keptFrames'> & { stored: StoredCrop },
  ) {
    this.id = id;
    this.#embedder = embedder;
    this.#recipe = embedder.expert.recipe;
    this.#stored = stored;
    this.rows = new RowRuns(embedder.expert.embeddingSize);
    this.#images = new ImageCounter({ most: keptFrames });
    this.#sampler = new WindowSampler(stored, this.#recipe);
  }

  see(frame: number, points: Float32Array): void {
    this.seenAt = frame;
    this.box = landmarkBox(points);
  }

  imagesPerSec(): number | undefined {
    return this.#images.perSec(this.#recipe.fps);
  }

  async cut(frames: readonly VideoFrame[], track: FaceTrack, plan: CropPlan): Promise<void> {
    const windows: Float32Array[] = [];
    let first = 0;
    for (const frame of frames) {
      const at = frame.index - track.firstFrame;
      if (at < 0 || at >= track.frameCount) continue;
      if (frame.index !== this.#next) this.#sampler = new WindowSampler(this.#stored, this.#recipe);
      this.#next = frame.index + 1;
      const data = plan.cut(frame, at);
      this.mouth = { data, width: plan.width, height: plan.height };
      const window = this.#sampler.push(data);
      if (!window) continue;
      this.#images.add(window, this.#recipe.frameCount);
      if (windows.length === 0) first = frame.index + 1 - this.#recipe.frameCount;
      windows.push(window);
    }
    this.facts = faceFacts(track);
    // Frames of a call follow each other but where a run ended: then the windows before are embedded already.
    if (windows.length > 0) this.rows.add(first, await this.#embedder.visual(windows));
  }
}
