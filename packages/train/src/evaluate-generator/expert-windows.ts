import type { SyncRecipe, VideoFrame } from '@lipsync/contracts';
import { fail, storedShape } from '@lipsync/contracts';
import type { Clip, StoreRecipe } from '@lipsync/dataloader';
import { anglesOf } from '@lipsync/dataloader';
import { type CropPlan, headBox, planCrops, trackFromLandmarks } from '@lipsync/face-crop';
import { cutMouthWindow, storedCropFor, viewFraction } from '@lipsync/sync-windows';
import { layFace } from './lay-face';

/** The window of frames that starts at a frame: `[height, width, frameCount * 3]` in the recipe's colours and range. */
export type WindowAt = (start: number) => Float32Array;

/**
 * The source video's frames of a clip, from `firstFrame` on, at the store's frame rate; earlier frames may come before
 * them.
 */
export type SourceFrames = (clip: { id: string; firstFrame: number; frameCount: number }) => AsyncIterable<VideoFrame>;

/** The windows of each set of face images, and how much of the crop lay outside of what was there, 0..1. */
export type ExpertWindows<Shown extends string> = { windows: Record<Shown, WindowAt>; outside: number };

export type ExpertWindowsOptions<Shown extends string> = {
  store: StoreRecipe;
  /** Face images by set, each RGB `[frameCount, height, width, 3]`, 0..255. */
  shown: Record<Shown, Uint8Array>;
  /** The source video; needed by crops that are larger than a face image. */
  sourceFrames?: SourceFrames;
};

/**
 * Refuses a network whose input cannot be made from a store of head crops.
 *
 * @throws TypeError that names what does not fit.
 */
export function assertFitsHeads(
  where: string,
  store: StoreRecipe,
  { name, recipe }: { name: string; recipe: SyncRecipe },
): void {
  if (store.crop.kind !== 'dinet head') fail(TypeError, where, 'store', 'of head crops (dinet head)', store.crop.kind);
  if (recipe.crop.kind === 'whole frame')
    fail(TypeError, where, 'expert', 'one whose crop is found by landmarks', `${name}, ${recipe.crop.kind}`);
  if (recipe.fps !== store.fps)
    fail(TypeError, where, 'expert', `one of ${store.fps} frames a second`, `${name}: ${recipe.fps}`);
}

/**
 * Cuts a sync network's windows out of several sets of face images of a clip, true or generated.
 *
 * - `dinet`: the mouth box, turned upright by the clip's angles as `ImageProcessor` does.
 * - `similarity`: the clip's landmarks are moved into the face image by the pose of its mouth box; the crop is
 *   planned and cut as in a video.
 * - other crops (SyncNet's `track box`, Wav2Lip's `face box`, LatentSync's `aligned face`) show more than a face
 *   image. With `sourceFrames` each face image is resized to its place in the video frame and laid over it, and the
 *   crop is cut from the result. Without, it is cut from the face image, and what lies outside is filled.
 *
 * Generated frames are cut by the landmarks of the true ones. True frames go the same way, so that all sets lose the
 * same detail.
 */
export async function expertWindows<Shown extends string>(
  recipe: SyncRecipe,
  clip: Pick<Clip, 'id' | 'poses' | 'landmarks' | 'frameCount' | 'firstFrame'>,
  { store, shown, sourceFrames }: ExpertWindowsOptions<Shown>,
): Promise<ExpertWindows<Shown>> {
  assertFitsHeads('expertWindows', store, { name: 'expert', recipe });
  if (recipe.crop.kind === 'dinet') {
    const angles = anglesOf(clip);
    const windows = mapValues(
      shown,
      (frames) => (start: number) => cutMouthWindow(frames, start, { stored: store.crop, recipe, angles }),
    );
    return { windows, outside: 0 };
  }
  const stored = storedCropFor(recipe.crop);
  const inVideo = sourceFrames !== undefined && recipe.crop.kind !== 'similarity';
  const landmarks = inVideo ? clip.landmarks : landmarksInHead(store, clip);
  const plan = planCrops(trackFromLandmarks(landmarks), stored);
  const crops = inVideo
    ? await cropsInVideo(plan, clip, { store, shown, sourceFrames })
    : mapValues(shown, (frames) => cropsInHeads(plan, frames, store));
  const windows = mapValues(crops, (frames) => (start: number) => cutMouthWindow(frames, start, { stored, recipe }));
  return { windows, outside: inVideo ? 0 : shareOutside(plan, store, viewFraction(stored, recipe.crop)) };
}

/** Landmarks `[frameCount, 68, 2]` of a clip, in pixels of its face images. */
export function landmarksInHead(
  store: StoreRecipe,
  { poses, landmarks, frameCount }: Pick<Clip, 'poses' | 'landmarks' | 'frameCount'>,
): Float32Array {
  if (store.crop.kind !== 'dinet head')
    return fail(TypeError, 'landmarksInHead', 'store', 'of head crops', store.crop.kind);
  const { mouth, top, left } = headBox(store.crop.mouth);
  const middle = [left + mouth / 2, top + mouth / 2];
  return Float32Array.from({ length: frameCount * 136 }, (_, i) => {
    // The pose is that of the mouth box: its centre and side.
    const pose = poses.subarray(4 * Math.floor(i / 136));
    return ((landmarks[i] - pose[i % 2]) * mouth) / pose[2] + middle[i % 2];
  });
}

/** Crops of all face images of a set. */
function cropsInHeads(plan: CropPlan, frames: Uint8Array, store: StoreRecipe): Uint8Array {
  const { height, width } = storedShape(store.crop);
  const bytes = height * width * 3;
  const count = frames.length / bytes;
  const size = plan.height * plan.width * 3;
  const crops = new Uint8Array(count * size);
  for (let index = 0; index < count; index++) {
    const frame = { data: frames.subarray(index * bytes, (index + 1) * bytes), width, height, index, timeSec: 0 };
    plan.cut(frame, index, crops.subarray(index * size, (index + 1) * size));
  }
  return crops;
}

/** Crops of the video's frames with the face images of each set laid over them; holds one video frame at a time. */
async function cropsInVideo<Shown extends string>(
  plan: CropPlan,
  clip: Pick<Clip, 'id' | 'poses' | 'frameCount' | 'firstFrame'>,
  { store, shown, sourceFrames }: ExpertWindowsOptions<Shown> & { sourceFrames: SourceFrames },
): Promise<Record<Shown, Uint8Array>> {
  const face = storedShape(store.crop);
  const bytes = face.height * face.width * 3;
  const size = plan.height * plan.width * 3;
  const names = Object.keys(shown) as Shown[];
  const frameCount = Math.min(...names.map((name) => shown[name].length / bytes));
  const crops = mapValues(shown, () => new Uint8Array(frameCount * size));
  let cut = 0;
  for await (const frame of sourceFrames({ id: clip.id, firstFrame: clip.firstFrame, frameCount })) {
    const index = frame.index - clip.firstFrame;
    if (index < 0) continue;
    if (index >= frameCount) break;
    const pose = clip.poses.subarray(4 * index, 4 * index + 4);
    for (const name of names) {
      const image = { data: shown[name].subarray(index * bytes, (index + 1) * bytes), ...face };
      plan.cut(layFace(frame, image, pose), index, crops[name].subarray(index * size, (index + 1) * size));
    }
    if (++cut === frameCount) break;
  }
  if (cut < frameCount)
    fail(
      Error,
      'expertWindows',
      'sourceFrames',
      `the ${frameCount} frames of ${clip.id} from ${clip.firstFrame} on`,
      cut,
    );
  return crops;
}

/**
 * Mean share of what a network gets that lies outside of the face images: of the middle `fraction` of a plan's squares.
 */
function shareOutside({ poses }: CropPlan, store: StoreRecipe, fraction: number): number {
  const { height, width } = storedShape(store.crop);
  let sum = 0;
  for (let i = 0; i < poses.length; i += 4) {
    const [x, y, whole] = poses.subarray(i);
    const side = whole * fraction;
    const seen = (centre: number, limit: number) =>
      Math.max(0, Math.min(limit, centre + side / 2) - Math.max(0, centre - side / 2)) / side;
    sum += 1 - seen(x, width) * seen(y, height);
  }
  return sum / (poses.length / 4);
}

function mapValues<K extends string, A, B>(record: Record<K, A>, of: (value: A) => B): Record<K, B> {
  return Object.fromEntries(Object.entries(record).map(([key, value]) => [key, of(value as A)])) as Record<K, B>;
}
