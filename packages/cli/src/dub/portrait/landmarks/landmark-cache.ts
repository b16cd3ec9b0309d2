import { mkdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { writeFileAtomic } from '@lipsync/checkpoints';
import type { LandmarkDetector, MediaReader } from '@lipsync/contracts';
import { type CollectTracksOptions, landmarkBox, trackFaces } from '@lipsync/face-crop';

/** Frames a second at which faces are followed. */
export const LANDMARK_FPS = 25;

/** What landmarks are made with. */
export type LandmarkMaker = {
  reader: MediaReader;
  detector: LandmarkDetector;
  collect: CollectTracksOptions;
  /** Names detector and settings: landmarks that were made with others are made anew. */
  settings: string;
  /** Folder in which landmark files are kept. Default: they are not. */
  folder?: string;
  signal: AbortSignal;
  onFrame: (done: number) => void;
};

/** A landmark file of `parseLandmarkFile`, and what it was made from. */
type CachedFile = {
  scheme: 'ibug68';
  source: { bytes: number; modified: number; settings: string };
  frames: (number[] | null)[];
};

/**
 * The landmarks of a video's face as the text of a landmark file: of the face with the most frames times its size, null
 * in frames without it. Taken from the folder where they were made of the same video before; else made, and written there
 * when complete.
 *
 * @param name of the video's file in the folder.
 */
export async function landmarkText(video: string, name: string, maker: LandmarkMaker): Promise<string> {
  const { size, mtimeMs } = await stat(video);
  const source = { bytes: size, modified: Math.round(mtimeMs), settings: maker.settings };
  const kept = maker.folder === undefined ? undefined : join(maker.folder, `${name}.landmarks.json`);
  const before = kept === undefined ? undefined : await readFile(kept, 'utf8').catch(() => undefined);
  if (before !== undefined && isOf(before, source)) return before;
  const file: CachedFile = { scheme: 'ibug68', source, frames: await framesOf(video, maker) };
  const text = `${JSON.stringify(file)}\n`;
  if (kept !== undefined) {
    await mkdir(maker.folder!, { recursive: true });
    await writeFileAtomic(kept, text);
  }
  return text;
}

function isOf(text: string, source: CachedFile['source']): boolean {
  try {
    return JSON.stringify((JSON.parse(text) as CachedFile | null)?.source) === JSON.stringify(source);
  } catch {
    return false;
  }
}

async function framesOf(
  video: string,
  { reader, detector, collect, signal, onFrame }: LandmarkMaker,
): Promise<(number[] | null)[]> {
  const tracking = trackFaces(reader.frames(video, { fps: LANDMARK_FPS }), detector, collect);
  let count = 0;
  for (;;) {
    const step = await tracking.next();
    if (signal.aborted) {
      await tracking.return([]);
      throw new Error('stopped');
    }
    if (step.done) {
      const frames = new Array<number[] | null>(count).fill(null);
      const weight = (track: (typeof step.value)[number]) => track.frameCount * sizeOf(track.points.subarray(0, 136));
      const [face] = [...step.value].sort((a, b) => weight(b) - weight(a));
      // a thousandth of a pixel: files stay small, and are the same whether read or made
      for (let i = 0; i < (face?.frameCount ?? 0); i++)
        frames[face.firstFrame + i] = Array.from(
          face.points.subarray(136 * i, 136 * (i + 1)),
          (v) => Math.round(v * 1000) / 1000,
        );
      return frames;
    }
    count = Math.max(count, step.value.frame.index + 1);
    onFrame(count);
  }
}

function sizeOf(points: Float32Array): number {
  const { left, top, right, bottom } = landmarkBox(points);
  return Math.sqrt((right - left) * (bottom - top));
}
