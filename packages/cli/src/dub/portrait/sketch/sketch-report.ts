import type { VideoScore } from '@lipsync/score';
import { describeScore } from '../../../score/describe-score';
import { formatSeconds } from '../../../terminal/progress';
import { LANDMARK_FPS } from '../landmarks/landmark-cache';

/** What `lipsync sketch` did. */
export type SketchReport = {
  database: string;
  query: string;
  out: string;
  /** File whose audio OUT has. */
  audio?: string;
  decoder: 'nearest' | 'viterbi';
  speaker: 'same' | 'other';
  transitionWeight?: number;
  candidates?: number;
  /** Recordings of the database, and the names of those without a face. */
  clips: number;
  faceless: string[];
  databaseFrames: number;
  /** Key points a frame. */
  points: number;
  /** The frame that all others are laid over. */
  reference: { clip: string; frame: number };
  /** Frames of OUT, and those of QUERY that show the face. */
  frameCount: number;
  firstFrame: number;
  faceFrames: number;
  /** See `Sketch` of `@lipsync/portraits`. */
  distance: number;
  jitter: { sketch: number; query: number };
  continued: number;
  frames: number[];
  seconds: { landmarks: number; retrieve: number; write: number; score: number };
  scores?: { sketch: VideoScore; original?: VideoScore };
};

const percent = (share: number) => `${(100 * share).toFixed(2)} %`;

/** The report in lines. */
export function describeSketch(report: SketchReport): string[] {
  const { clips, faceless, databaseFrames, points, reference, jitter, scores, seconds } = report;
  const recordings = clips === 1 ? '1 recording' : `${clips} recordings`;
  return [
    `database: ${databaseFrames} frames of ${recordings}, ${points} points each; reference: frame ${reference.frame} of ${reference.clip}`,
    ...(faceless.length > 0 ? [`without a face, left out: ${faceless.join(', ')}`] : []),
    `${report.out}: ${report.frameCount} frames, ${(report.frameCount / LANDMARK_FPS).toFixed(2)} s; QUERY shows the face in ${report.faceFrames}`,
    `distance ${percent(report.distance)} of the eye distance; jitter of the lips ${percent(jitter.sketch)}, of QUERY's ${percent(jitter.query)}; ${percent(report.continued)} of the frames follow each other as recorded`,
    ...(scores ? [`sketch: ${describeScore(scores.sketch)}`] : []),
    ...(scores?.original ? [`original: ${describeScore(scores.original)}`] : []),
    `landmarks ${formatSeconds(seconds.landmarks)}, frames ${formatSeconds(seconds.retrieve)}, video ${formatSeconds(seconds.write)}, scores ${formatSeconds(seconds.score)}`,
  ];
}
