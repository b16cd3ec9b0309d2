import type { FaceTrack, VideoFrame } from '@lipsync/contracts';
import type { CropPlan } from '@lipsync/face-crop';

/** A face track and the positions of its crops. */
export type PlannedTrack = { track: FaceTrack; plan: CropPlan };

/** One crop of one face. */
export type TrackCrop<P extends PlannedTrack> = {
  planned: P;
  /** Index of the frame in the video. */
  frameIndex: number;
  /** The whole frame; do not keep it. */
  frame: VideoFrame;
  /** Index of the frame in the track. */
  indexInTrack: number;
  /** RGB, 0..255, `[height, width, 3]`; a new array. */
  crop: Uint8Array;
};

/**
 * Cuts the crops of all tracks in one pass over the frames, in the order of the frames. Ends with the last track or the
 * video, whichever is first; holds no frame.
 *
 * @example
 * const faces = video.tracks.map((track) => ({ track, plan: planCrops(track, stored, video.frameSize) }));
 * for await (const { planned, frameIndex, crop } of trackCrops(video.frames(), faces))
 *   console.log(planned.track.id, frameIndex, crop.length);
 */
export async function* trackCrops<P extends PlannedTrack>(
  frames: AsyncIterable<VideoFrame>,
  tracks: readonly P[],
): AsyncGenerator<TrackCrop<P>> {
  const end = Math.max(0, ...tracks.map(({ track }) => track.firstFrame + track.frameCount));
  if (end === 0) return;
  for await (const frame of frames) {
    for (const planned of tracks) {
      const indexInTrack = frame.index - planned.track.firstFrame;
      if (indexInTrack < 0 || indexInTrack >= planned.track.frameCount) continue;
      yield {
        planned,
        frameIndex: frame.index,
        frame: frame,
        indexInTrack,
        crop: planned.plan.cut(frame, indexInTrack),
      };
    }
    if (frame.index + 1 >= end) return;
  }
}
