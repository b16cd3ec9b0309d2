import type { SyncRecipe } from '@lipsync/contracts';
import { fail, storedShape } from '@lipsync/contracts';
import type { Clip, StoreRecipe } from '@lipsync/dataloader';
import { anglesOf } from '@lipsync/dataloader';
import { planCrops, trackFromLandmarks } from '@lipsync/face-crop';
import { cutMouthWindow, storedCropFor } from '@lipsync/sync-windows';

/** Cuts a sync network's windows out of a clip's face images, be they true or painted: `(frames) => (start) => [height, width, frames * 3]`. */
export type HeadWindows = (frames: Uint8Array) => (start: number) => Float32Array;

/**
 * Refuses a network that cannot look at head crops: its mouth box (`dinet`), or a crop that landmarks place (`similarity`).
 *
 * @throws TypeError that says what does not fit.
 */
export function assertSeesHeads(
  where: string,
  store: StoreRecipe,
  { name, recipe }: { name: string; recipe: SyncRecipe },
): void {
  if (store.crop.kind !== 'dinet head')
    fail(TypeError, where, 'store', 'of head crops (prepare with --head)', store.crop.kind);
  const { kind } = recipe.crop;
  if (kind !== 'dinet' && kind !== 'similarity')
    fail(TypeError, where, 'expert', 'one whose crop is dinet or similarity', `${name}, ${kind}`);
  if (recipe.fps !== store.fps || recipe.features !== store.features) {
    fail(
      TypeError,
      where,
      'expert',
      `one of ${store.fps} frames a second that hears ${store.features}`,
      `${name}: ${recipe.fps}, ${recipe.features}`,
    );
  }
}

/**
 * How a sync network looks at the face images of a clip.
 *
 * `dinet`: the mouth box turned upright by the clip's angles, as `ImageProcessor` does. `similarity`: the clip's landmarks are brought into the face
 * image by the pose of its mouth box, and the crop is planned, steadied and cut as where a video is scored. Painted frames are seen with the
 * landmarks of the true ones.
 */
export function headWindows(
  store: StoreRecipe,
  recipe: SyncRecipe,
  clip: Pick<Clip, 'poses' | 'landmarks' | 'count'>,
): HeadWindows {
  assertSeesHeads('headWindows', store, { name: 'expert', recipe });
  if (recipe.crop.kind === 'dinet') {
    const angles = anglesOf(clip);
    return (frames) => (start) => cutMouthWindow(frames, start, { stored: store.crop, recipe, angles });
  }
  const { height, width } = storedShape(store.crop);
  const stored = storedCropFor(recipe.crop);
  const plan = planCrops(trackFromLandmarks(landmarksInHead(store, clip)), stored);
  return (frames) => {
    const bytes = height * width * 3;
    const count = frames.length / bytes;
    const size = plan.height * plan.width * 3;
    const crops = new Uint8Array(count * size);
    for (let index = 0; index < count; index++) {
      const frame = { data: frames.subarray(index * bytes, (index + 1) * bytes), width, height, index, timeSec: 0 };
      plan.cut(frame, index, crops.subarray(index * size, (index + 1) * size));
    }
    return (start) => cutMouthWindow(crops, start, { stored, recipe });
  };
}

/** A clip's landmarks, `[count, 68, 2]`, in pixels of its face images. */
export function landmarksInHead(
  store: StoreRecipe,
  { poses, landmarks, count }: Pick<Clip, 'poses' | 'landmarks' | 'count'>,
): Float32Array {
  if (store.crop.kind !== 'dinet head')
    return fail(TypeError, 'landmarksInHead', 'store', 'of head crops', store.crop.kind);
  const { mouth } = store.crop;
  const { width } = storedShape(store.crop);
  return Float32Array.from({ length: count * 136 }, (_, i) => {
    const [x, y, side] = poses.subarray(4 * Math.floor(i / 136));
    // The pose is that of the mouth box, whose centre lies `mouth` pixels below the face image's upper edge.
    return i % 2 === 0 ? ((landmarks[i] - x) * mouth) / side + width / 2 : ((landmarks[i] - y) * mouth) / side + mouth;
  });
}
