import type { CropFile, FaceTrack, PublishedPipeline, PublishedStreams } from '@lipsync/contracts';
import { planCrops } from '@lipsync/face-crop';
import { type FrameWindow, type TrackedVideo, trackCrops, WindowSampler } from '@lipsync/sync-windows';
import type { ScoreProtocol } from './score-protocol';

/** Writes the crops of each track into a file of its own, in one pass over the frames; gives what the files hold. */
export async function writeCropFiles(
  video: TrackedVideo,
  tracks: readonly FaceTrack[],
  { pipeline, crop }: { pipeline: PublishedPipeline; crop: ScoreProtocol['recipe']['crop'] },
): Promise<Map<FaceTrack, PublishedStreams>> {
  const planned = tracks.map((track) => ({ track, plan: planCrops(track, crop, video.frameSize) }));
  const open = new Map<FaceTrack, CropFile>();
  const written = new Map<FaceTrack, PublishedStreams>();
  for await (const { planned: face, crop: pixels, indexInTrack } of trackCrops(video.frames(), planned)) {
    const { track } = face;
    const file = open.get(track) ?? pipeline.crops({ size: crop.size, firstFrame: track.firstFrame });
    open.set(track, file);
    await file.write(pixels);
    if (indexInTrack + 1 < track.frameCount) continue;
    written.set(track, await file.finish());
    open.delete(track);
  }
  for (const [track, file] of open) written.set(track, await file.finish()); // the video ended earlier
  return written;
}

/** The windows of a track's crops; `read` counts them meanwhile. */
export async function* windowsOfCrops(
  track: FaceTrack,
  { frames }: PublishedStreams,
  { recipe, read }: { recipe: ScoreProtocol['recipe']; read: { frames: number } },
): AsyncGenerator<FrameWindow> {
  const sampler = new WindowSampler('recipe', recipe);
  for await (const { data } of frames) {
    const window = sampler.push(data);
    read.frames++;
    if (window) yield { track, startFrame: track.firstFrame + read.frames - recipe.frameCount, frames: window };
  }
}
