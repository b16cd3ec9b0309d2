import type { MediaReader, VideoFrame } from '@lipsync/contracts';
import { openTrackedVideo, type TrackedVideo, UnusableVideo } from '@lipsync/sync-windows';
import type { DubOptions } from '../dub-video';

/**
 * Follows the faces of a video whose audio is taken from another file; its own may be missing.
 *
 * @throws Error for audio that is missing, silent or too short, and for a video without a face; the message names the
 *   file.
 */
export async function followFaces(
  video: string,
  audioFile: string,
  options: DubOptions & { fps: number },
): Promise<{ tracked: TrackedVideo; frameCount: number }> {
  const { reader, detector, collect, detectionSide, signal, fps, onProgress = () => {} } = options;
  const [info, { audio }] = [await reader.probe(video), await reader.probe(audioFile)];
  if (!audio) throw new Error(`dubVideo: audio must be a file with audio, got ${audioFile}`);
  const estimate = Math.max(1, Math.round(info.durationSec * fps));
  let frameCount = 0;
  const counted = (frames: AsyncIterable<VideoFrame>) => ({
    fps,
    async *[Symbol.asyncIterator]() {
      for await (const frame of frames) {
        if (signal?.aborted) throw new Error('dubVideo: stopped');
        frameCount = Math.max(frameCount, frame.index + 1);
        if (frameCount % 5 === 0)
          onProgress({ pass: 'faces', done: frameCount, total: Math.max(frameCount, estimate) });
        yield frame;
      }
    },
  });
  const withOtherAudio: MediaReader = {
    probe: async () => ({ ...info, audio }),
    frames: (path, wanted) => counted(reader.frames(path, wanted)),
    view: (path, wanted) => counted(reader.view(path, wanted)),
    audio: (_, wanted) => reader.audio(audioFile, wanted),
  };
  try {
    const faces = { detector, collect, detectionSide };
    const tracked = await openTrackedVideo({ path: video, reader: withOtherAudio, ...faces, fps, keepBytes: 0 });
    onProgress({ pass: 'faces', done: frameCount, total: frameCount });
    return { tracked, frameCount };
  } catch (error) {
    if (!(error instanceof UnusableVideo)) throw error;
    const isAudio = error.reason === 'silent' || error.reason === 'audio too short';
    throw new Error(`dubVideo: ${isAudio ? audioFile : video}: ${error.message}`, { cause: error });
  }
}
