import { fail } from '@lipsync/contracts';
import { type TrackedVideo, type TrackVideoOptions, trackVideo, UnusableVideo } from '@lipsync/sync-windows';

type FollowOptions = Pick<TrackVideoOptions, 'reader' | 'detector' | 'collect' | 'detectionSide'> & {
  fps: number;
  signal?: AbortSignal;
  onProgress?: (progress: { pass: 'faces'; done: number; total: number }) => void;
};

/**
 * Follows the faces of a video whose audio is taken from another file; its own may be missing.
 *
 * @throws Error for audio that is missing, silent or too short, and for a video without a face; the message names the
 *   file.
 */
export async function followFaces(video: string, audioFile: string, options: FollowOptions): Promise<TrackedVideo> {
  const { reader, detector, collect, detectionSide, signal, fps, onProgress = () => {} } = options;
  const faces = { detector, collect, detectionSide };
  let estimate = 1;
  try {
    for await (const event of trackVideo({
      path: video,
      audioPath: audioFile,
      reader,
      ...faces,
      fps,
      keepBytes: 0,
    })) {
      if (signal?.aborted) throw new Error('dubVideo: stopped');
      if (event.kind === 'open') estimate = Math.max(1, Math.round(event.info.durationSec * fps));
      else if (event.kind === 'tracked') {
        const done = event.video.frameCount;
        onProgress({ pass: 'faces', done, total: done });
        return event.video;
      } else if (event.frameIndex % 5 === 4) {
        const done = event.frameIndex + 1;
        onProgress({ pass: 'faces', done, total: Math.max(done, estimate) });
      }
    }
    return fail(Error, 'dubVideo', 'the video', 'tracked', 'none');
  } catch (error) {
    if (!(error instanceof UnusableVideo)) throw error;
    if (error.reason === 'no audio')
      throw new Error(`dubVideo: audio must be a file with audio, got ${audioFile}`, { cause: error });
    const isAudio = error.reason === 'silent' || error.reason === 'audio too short';
    throw new Error(`dubVideo: ${isAudio ? audioFile : video}: ${error.message}`, { cause: error });
  }
}
