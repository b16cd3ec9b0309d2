import { type FaceLandmarks, type FaceTrack, fail, type LandmarkDetector, type VideoFrame } from '@lipsync/contracts';
import { smoothTrack } from './smooth-track';
import { TrackBuilder } from './track-builder';

/** How the faces of a video are joined into tracks. */
export type CollectTracksOptions = {
  /** Longest gap, in frames, that is interpolated linearly; a longer one splits the track. Default 10. */
  maxGap?: number;
  /** Shorter tracks are dropped, in frames. Default 5, the shortest window of a sync network. */
  minFrames?: number;
  /** Detects on every n-th frame only and interpolates the others: faster, but misses fast movement. Default 1. */
  stride?: number;
  /** Smooths the points over time: Savitzky-Golay, 5 frames, order 2. Default false. */
  smooth?: boolean;
};

/** A frame of `trackFaces` and the faces detected in it; without `faces` where the detector was not run. */
export type TrackedFrame = { frame: VideoFrame; faces?: FaceLandmarks[] };

/**
 * Tracks the faces of a video, frame by frame: `collectTracks` for those who want to follow what is detected.
 *
 * @returns a generator that yields every frame in order once it is done with (with `stride` above 1 the last one may
 * come twice) and returns the tracks.
 * @throws as `collectTracks`.
 * @example
 * import { trackFaces } from '@lipsync/face-crop';
 * const tracking = trackFaces(media.frames('talk.mp4'), detector);
 * let step = await tracking.next();
 * for (; !step.done; step = await tracking.next()) console.log(step.value.frame.index, step.value.faces?.length);
 * const tracks = step.value;
 */
export async function* trackFaces(
  frames: AsyncIterable<VideoFrame> | Iterable<VideoFrame>,
  detector: LandmarkDetector,
  { maxGap = 10, minFrames = 5, stride = 1, smooth = false }: CollectTracksOptions = {},
): AsyncGenerator<TrackedFrame, FaceTrack[]> {
  const where = 'collectTracks';
  if (!(Number.isInteger(maxGap) && maxGap >= 0)) fail(RangeError, where, 'maxGap', 'a whole number of frames', maxGap);
  if (!(Number.isInteger(minFrames) && minFrames > 0)) {
    fail(RangeError, where, 'minFrames', 'a whole number above 0', minFrames);
  }
  if (!(Number.isInteger(stride) && stride > 0)) fail(RangeError, where, 'stride', 'a whole number above 0', stride);
  // frames that the detector does not see are no gap
  const builder = new TrackBuilder({ maxGap: Math.max(maxGap, stride - 1), minFrames });
  const detect = async (frame: VideoFrame): Promise<TrackedFrame> => {
    const faces = await detector.detect(frame);
    for (const { trackId, points, score } of faces) builder.add(trackId, frame.index, points, score);
    builder.expire(frame.index);
    return { frame, faces };
  };
  detector.reset();
  let last = -1;
  let count = 0;
  let skipped: VideoFrame | undefined;
  for await (const frame of frames) {
    if (frame.index <= last) fail(RangeError, where, 'frame.index', `above ${last}`, frame.index);
    last = frame.index;
    skipped = count++ % stride === 0 ? undefined : frame;
    yield skipped ? { frame } : await detect(frame);
  }
  if (skipped) yield await detect(skipped);
  const tracks = builder.finish();
  return smooth ? tracks.map(smoothTrack) : tracks;
}

/**
 * Tracks the faces of a video.
 *
 * The detector is reset first. Memory grows with the points (544 bytes per face and frame), not with the images: each
 * frame is released before the next is taken, except that with `stride` above 1 the last one is detected once more.
 *
 * @param frames frames of one video, their `index` rising; an array will do.
 * @returns gap-free tracks in the order of their first frame, ids from 0; empty where no face was found long enough.
 * @throws RangeError if an option is out of range or an index does not rise.
 * @example
 * import { collectTracks } from '@lipsync/face-crop';
 * const tracks = await collectTracks(media.frames('talk.mp4'), detector);
 */
export async function collectTracks(
  frames: AsyncIterable<VideoFrame> | Iterable<VideoFrame>,
  detector: LandmarkDetector,
  options: CollectTracksOptions = {},
): Promise<FaceTrack[]> {
  const tracking = trackFaces(frames, detector, options);
  for (;;) {
    const step = await tracking.next();
    if (step.done) return step.value;
  }
}
