import type { MediaReader } from '@lipsync/contracts';
import type { FaceScore, VideoScore } from '@lipsync/score';
import { Canvas } from './canvas';
import type { CropCollector, RgbImage, SeenCrop } from './crop-collector';
import { faceThumbnail, melPictures, type Overview, overview, type TimeRange } from './video-pictures';

/** A short stretch of a face's time: its crops one after the other, and the audio of the same time. */
export type LivelyStretch = TimeRange & {
  crops: RgbImage;
  frames: number;
  firstFrame: number;
  /** The mel spectrogram of this time as the file has it. */
  mel: RgbImage;
  /** The mel spectrogram that belongs to the crops by the verdict's offset; undefined where there is none, or it is 0. */
  moved?: RgbImage;
};

export type FacePictures = { thumbnail?: RgbImage; stretch?: LivelyStretch; spread: SeenCrop[] };

/** What a report shows of a video beside its numbers. */
export type ScorePictures = { overview?: Overview; faces: ReadonlyMap<FaceScore, FacePictures> };

/** Reads a scored video once more for the pictures of its report: a frame for each face, and the audio of a short stretch. */
export async function scorePictures(
  score: VideoScore,
  crops: CropCollector,
  reader: MediaReader,
): Promise<ScorePictures> {
  const faces = new Map<FaceScore, FacePictures>();
  const shown = score.faces.filter(({ track }) => crops.of(track)?.lively.length);
  const ranges = shown.flatMap((face) => {
    const stretch = rangeOf(crops.of(face.track)!.lively, score.fps);
    const offset = face.verdict.offsetSec ?? 0;
    return [stretch, { fromSec: stretch.fromSec - offset, toSec: stretch.toSec - offset }];
  });
  const mels = ranges.length > 0 ? await melPictures(score.file, ranges, reader) : [];
  for (const [i, face] of shown.entries()) {
    const { lively, spread } = crops.of(face.track)!;
    const stretch: LivelyStretch = {
      ...{ ...ranges[2 * i], crops: sideBySide(lively), frames: lively.length, firstFrame: lively[0].frameIndex },
      mel: mels[2 * i],
      ...(face.verdict.offsetFrames ? { moved: mels[2 * i + 1] } : {}),
    };
    faces.set(face, { stretch, spread, thumbnail: await faceThumbnail(score, face, reader) });
  }
  return { faces, overview: score.faces.length > 1 ? await overview(score, reader) : undefined };
}

/** The time that crops show. */
function rangeOf(crops: readonly SeenCrop[], fps: number): TimeRange {
  return { fromSec: crops[0].frameIndex / fps, toSec: (crops[crops.length - 1].frameIndex + 1) / fps };
}

function sideBySide(crops: readonly SeenCrop[]): RgbImage {
  const [{ width, height }] = crops;
  const strip = new Canvas(crops.length * width, height, 255);
  for (const [i, crop] of crops.entries()) strip.draw(crop, i * width, 0);
  return strip;
}
