import { cropSideFactor, fail, type DinetCrop, type FaceTrack, type SimilarityCrop, type SyncRecipe, type VideoFrame } from '@lipsync/contracts';
import { videoCropRadius } from './crop-radius';
import { assertFaceTrack } from './face-track';
import { trackPoses } from './mouth-pose';
import { rotationAngle } from './rotation-angle';
import { sampleSquare } from './sample-square';

/** Where the mouth crop of each frame of a track lies, and the means to cut it. */
export type CropPlan = {
  /** `[frames, 4]`, float32: centre x, centre y and side in pixels of the picture, angle in radians (clockwise). */
  readonly poses: Float32Array;
  /** Pixels on a side of the crops. */
  readonly size: number;
  /**
   * Cuts the crop of one frame.
   *
   * @param indexInTrack 0 for the track's first frame, whose picture has the index `track.firstFrame`.
   * @param out where to write, `size * size * 3` bytes; made where it is not given.
   * @returns `out`: RGB, 0..255, row-major.
   */
  cut(frame: VideoFrame, indexInTrack: number, out?: Uint8Array): Uint8Array;
};

/**
 * Plans the mouth crops of a face track as a recipe asks.
 *
 * `similarity`: the square of `SimilarityCrop`, steadied by its `window`. `dinet`: the mouth box of DINet's head crop,
 * `[y29, y29 + 2R) x [x33 - R, x33 + R)` with the video's one radius R, turned about its centre by each frame's
 * `rotationAngle`. Both are cut from the picture in one bilinear sampling. The thesis resizes the head crop first and turns
 * its mouth box then, which samples twice; `half pixel` shifts the crop by half of its pixels right and down as there.
 * What lies outside the picture repeats its border, where the thesis has black.
 *
 * @param picture size of the pictures; with `dinet`, windows whose head crop leaves the picture do not count for the radius.
 * @throws TypeError or RangeError if the track or the crop is not valid; Error if a `dinet` crop finds no radius.
 * @example
 * const plan = planCrops(track, expert.recipe.crop);
 * for await (const frame of frames) store.add(plan.cut(frame, frame.index - track.firstFrame));
 */
export function planCrops(
  track: FaceTrack,
  crop: SyncRecipe['crop'],
  picture?: { width: number; height: number },
): CropPlan {
  const where = 'planCrops';
  assertFaceTrack(where, track);
  const { size } = crop;
  if (!(Number.isInteger(size) && size > 0)) fail(RangeError, where, 'crop.size', 'a whole number above 0', size);
  const poses = crop.kind === 'similarity' ? similarityPoses(track, crop) : dinetPoses(track, crop, picture);
  const cut = (frame: VideoFrame, indexInTrack: number, out?: Uint8Array) => {
    if (!(Number.isInteger(indexInTrack) && indexInTrack >= 0 && indexInTrack < track.frames)) {
      const rule = `a whole number from 0 to ${track.frames - 1}`;
      fail(RangeError, 'CropPlan.cut', 'indexInTrack', rule, indexInTrack);
    }
    const [x, y, side, angle] = poses.subarray(indexInTrack * 4);
    return sampleSquare(frame, { x, y, side, angle }, size, out);
  };
  return { poses, size, cut };
}

function similarityPoses(track: FaceTrack, crop: SimilarityCrop): Float32Array {
  const poses = trackPoses(track, crop.window);
  const factor = cropSideFactor(crop);
  for (let i = 2; i < poses.length; i += 4) poses[i] *= factor;
  return poses;
}

function dinetPoses(track: FaceTrack, crop: DinetCrop, picture?: { width: number; height: number }): Float32Array {
  const radius = videoCropRadius(track, { picture });
  const shift = crop.sampling === 'half pixel' ? radius / crop.size : 0;
  const poses = new Float32Array(track.frames * 4);
  for (let i = 0; i < track.frames; i++) {
    const points = track.points.subarray(i * 136, (i + 1) * 136);
    // the thesis cuts at whole pixels
    const x = Math.floor(points[2 * 33]);
    const y = Math.floor(points[2 * 29 + 1]) + radius;
    const angle = crop.upright === 'median of five' ? rotationAngle(points) : 0;
    poses.set([x + shift, y + shift, 2 * radius, angle], i * 4);
  }
  return poses;
}
