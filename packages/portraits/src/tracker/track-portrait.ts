import { type FaceTrack, fail } from '@lipsync/contracts';
import { smoothTrack } from '@lipsync/face-crop/arrays';
import { type FacePoints, fitPerson } from './person-shape';
import { liftFaces, meanFace, type PortraitTrack, poseOf, smoothPoses } from './portrait-track';

/** Options of `trackPortrait`. */
export type TrackPortraitOptions = {
  /** Size of the frames in pixels. */
  image: { width: number; height: number };
  /**
   * Focal length of the camera in pixels. A long one changes the perspective of a face least, which the fit does not
   * know. Default: four times the longer side.
   */
  focal?: number;
  /** Whether the landmarks are smoothed over time first: `smoothTrack` of `@lipsync/face-crop`. Default true. */
  smoothLandmarks?: boolean;
  /** Standard deviation of the smoothing of poses over time, in frames. Default 1. */
  poseSigma?: number;
};

/**
 * A face in 3D, and its pose, from 68 landmarks in 2D.
 *
 * Each frame: `min Σ w · |s · (R · X)xy + t − x|²` over scale, rotation and shift, weak perspective, of a generic face
 * whose nose and eyes decide. The generic face is bent to the person and fitted again (three rounds), poses are smoothed.
 * Then every landmark gets the depth of the person's face and is turned back, so that the 73 points carry the movements
 * of lips, jaw, lids and brows; sideways these are exact, in depth they are not seen.
 *
 * Source: own; the fit of one frame is equal to SciPy's `least_squares` to 1e-6, see the test. How good it is on
 * recordings: README.
 *
 * @param track gap-free landmarks of one face; borrowed.
 * @throws TypeError or RangeError for landmarks that are not finite, sizes and options out of range.
 * @example
 * import { trackFromLandmarks } from '@lipsync/face-crop/arrays';
 * import { trackPortrait } from '@lipsync/portraits';
 * const track = trackFromLandmarks(points); // [frames, 68, 2]
 * const { faces, poses } = trackPortrait(track, { image: { width: 512, height: 512 } });
 */
export function trackPortrait(track: FaceTrack, options: TrackPortraitOptions): PortraitTrack {
  return trackPortraits([track], options)[0];
}

/**
 * `trackPortrait` of several recordings of one person, to whom one face is fitted: movements of all of them are measured
 * from the same face.
 *
 * @param tracks of recordings with frames of one size; borrowed.
 * @returns a track for each; `mean` and `error` are those of all frames.
 * @throws as `trackPortrait`; RangeError for no track.
 * @example
 * import type { FaceTrack } from '@lipsync/contracts';
 * import { trackPortraits } from '@lipsync/portraits';
 * declare const tracks: FaceTrack[];
 * const [first] = trackPortraits(tracks, { image: { width: 512, height: 512 } });
 */
export function trackPortraits(tracks: readonly FaceTrack[], options: TrackPortraitOptions): PortraitTrack[] {
  const where = 'trackPortrait';
  if (!(tracks?.length > 0)) fail(RangeError, where, 'tracks', 'at least one', tracks?.length);
  const { image, smoothLandmarks = true, poseSigma = 1, focal } = checked(where, options);
  const camera = { focal, x: image.width / 2, y: image.height / 2 };
  const clips = tracks.map((track) => {
    const landmarks = smoothTrack(track).points; // refuses what is no track
    return { ...track, points: smoothLandmarks ? landmarks : track.points };
  });
  const fit = fitPerson(joined(clips));
  let start = 0;
  const out = clips.map(({ points, firstFrame, frameCount }) => {
    const raw = new Float32Array(6 * frameCount);
    fit.poses.slice(start, start + frameCount).forEach(({ scale, rotation, shift }, frame) => {
      const place = [(shift[0] - camera.x) / scale, (shift[1] - camera.y) / scale, focal / scale] as const;
      raw.set(poseOf(rotation, place), 6 * frame);
    });
    start += frameCount;
    const poses = smoothPoses({ data: raw, frameCount }, poseSigma);
    const faces = liftFaces(fit, { data: poses, frameCount }, (frame, point, depth) => {
      const at = 2 * (frame * 68 + point);
      return [((points[at] - camera.x) * depth) / focal, ((points[at + 1] - camera.y) * depth) / focal, depth];
    });
    return { firstFrame, frameCount, faces, poses, camera, error: fit.error };
  });
  const mean = meanFace(out.map(({ faces }) => faces));
  return out.map((track) => ({ ...track, mean: mean.slice() }));
}

function checked(where: string, options: TrackPortraitOptions): TrackPortraitOptions & { focal: number } {
  const { image, poseSigma = 1 } = options;
  for (const [name, side] of Object.entries({ width: image?.width, height: image?.height }))
    if (!(side > 0 && Number.isFinite(side))) fail(RangeError, where, `options.image.${name}`, 'above 0', side);
  const { focal = 4 * Math.max(image.width, image.height) } = options;
  if (!(focal > 0 && Number.isFinite(focal))) fail(RangeError, where, 'options.focal', 'above 0', focal);
  if (!(poseSigma >= 0 && Number.isFinite(poseSigma)))
    fail(RangeError, where, 'options.poseSigma', 'at least 0', poseSigma);
  return { ...options, focal };
}

/** The points of all tracks, one after the other. */
function joined(tracks: readonly FaceTrack[]): FacePoints {
  const frameCount = tracks.reduce((sum, track) => sum + track.frameCount, 0);
  const data = new Float32Array(136 * frameCount);
  let at = 0;
  for (const { points } of tracks) {
    data.set(points, at);
    at += points.length;
  }
  return { data, frameCount, dimensions: 2 };
}
