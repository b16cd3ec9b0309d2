import type { LandmarkDetector } from '@lipsync/contracts';
import { encodeVideo } from '@lipsync/media';
import { drawSketch, inView, type SketchView } from '@lipsync/portraits';
import { LANDMARK_FPS } from '../landmarks/landmark-cache';
import { knownFace } from './known-face';

/** A sketch as a video shows it. */
export type ShownSketch = {
  /** `[frames, points, 2]` of the frames with a face. */
  points: Float32Array;
  pointCount: number;
  /** Frames of the video: before `firstFrame` the first face is shown, after the last the last one. */
  frameCount: number;
  firstFrame: number;
  view: SketchView;
  /** Side of the video in pixels. */
  size: number;
};

/** Writes the video; the file appears when it is complete. */
export async function writeSketch(
  out: string,
  sketch: ShownSketch,
  options: {
    audioFile?: string;
    ffmpegPath: string;
    signal: AbortSignal;
    log: (line: string) => void;
    onFrame: (done: number) => void;
  },
): Promise<void> {
  const { frameCount, size, view } = sketch;
  const { audioFile, ffmpegPath, signal, log, onFrame } = options;
  const audioSec = frameCount / LANDMARK_FPS;
  const writer = encodeVideo(out, {
    ...{ width: size, height: size, fps: LANDMARK_FPS, ffmpegPath, log },
    ...(audioFile === undefined ? {} : { audioFile, audioSec }),
  });
  try {
    for (let frame = 0; frame < frameCount; frame++) {
      if (signal.aborted) throw new Error('stopped');
      await writer.write(drawSketch(pointsAt(sketch, frame), { view, size }));
      onFrame(frame + 1);
    }
    await writer.finish();
  } finally {
    await writer.abort();
  }
}

/** Where the face is in the video, for what scores it. */
export function sketchedFace(sketch: ShownSketch): LandmarkDetector {
  return knownFace((frame) =>
    frame < sketch.frameCount ? inView(pointsAt(sketch, frame).subarray(0, 136), sketch.view, 1) : undefined,
  );
}

function pointsAt({ points, pointCount, firstFrame }: ShownSketch, frame: number): Float32Array {
  const size = 2 * pointCount;
  const shown = Math.min(Math.max(frame - firstFrame, 0), points.length / size - 1);
  return points.subarray(shown * size, (shown + 1) * size);
}
