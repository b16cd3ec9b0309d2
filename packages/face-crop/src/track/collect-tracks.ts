import { type FaceTrack, fail, type LandmarkDetector, type VideoFrame } from '@lipsync/contracts';
import { smoothTrack } from './smooth-track';
import { TrackBuilder } from './track-builder';

/** How a video's faces are put together to tracks. */
export type CollectTracksOptions = {
  /** Longest gap, in frames, that is filled in linearly; a longer one splits the track. Default 10. */
  maxGap?: number;
  /** Shorter tracks are dropped, in frames. Default 5, the shortest window of a sync network. */
  minFrames?: number;
  /** Looks at every n-th frame only and fills in the others: faster, blind to fast movement. Default 1. */
  every?: number;
  /** Smooths the points as `smoothTrack` does. Default false. */
  smooth?: boolean;
};

/**
 * Follows the faces through a video.
 *
 * The detector is reset first. Memory grows with the points (544 bytes a face and frame), not with the images: each frame
 * is let go before the next is taken, except that with `every` above 1 the last one is looked at once more.
 *
 * @param frames one video's images, their `index` rising.
 * @returns gap-free tracks in the order of their first frame, ids from 0; empty where no face was found long enough.
 * @throws RangeError if an option is out of range or an index does not rise.
 * @example
 * const tracks = await collectTracks(media.frames('talk.mp4'), detector);
 */
export async function collectTracks(
  frames: AsyncIterable<VideoFrame>,
  detector: LandmarkDetector,
  { maxGap = 10, minFrames = 5, every = 1, smooth = false }: CollectTracksOptions = {},
): Promise<FaceTrack[]> {
  const where = 'collectTracks';
  if (!(Number.isInteger(maxGap) && maxGap >= 0)) fail(RangeError, where, 'maxGap', 'a whole number of frames', maxGap);
  if (!(Number.isInteger(minFrames) && minFrames > 0)) {
    fail(RangeError, where, 'minFrames', 'a whole number above 0', minFrames);
  }
  if (!(Number.isInteger(every) && every > 0)) fail(RangeError, where, 'every', 'a whole number above 0', every);
  // frames that were not looked at are no gap
  const builder = new TrackBuilder({ maxGap: Math.max(maxGap, every - 1), minFrames });
  const look = async (frame: VideoFrame) => {
    for (const { trackId, points, score } of await detector.detect(frame))
      builder.add(trackId, frame.index, points, score);
    builder.expire(frame.index);
  };
  detector.reset();
  let last = -1;
  let count = 0;
  let skipped: VideoFrame | undefined;
  for await (const frame of frames) {
    if (frame.index <= last) fail(RangeError, where, 'frame.index', `above ${last}`, frame.index);
    last = frame.index;
    skipped = count++ % every === 0 ? undefined : frame;
    if (!skipped) await look(frame);
  }
  if (skipped) await look(skipped);
  const tracks = builder.finish();
  return smooth ? tracks.map(smoothTrack) : tracks;
}
