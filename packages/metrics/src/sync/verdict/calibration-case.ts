import type { AlignmentCurve } from './alignment';

/** Frames and audio of which it is known whether they belong together, and by how much the audio leads. */
export type CalibrationCase = {
  /** Who is seen: the people of a case are not in the fit that it is measured with. */
  person: string;
  /** Name of the cases of about the same length, such as `2 s`. */
  group: string;
  /** Length of the clip, seconds. */
  durationSec: number;
  /** Of `alignmentCurve`. */
  curve: Pick<AlignmentCurve, 'windows' | 'contrast' | 'offsetFrames' | 'atEdge' | 'offMargin'>;
  /** Frames, positive: the audio leads; null for audio of something else. */
  trueOffset: number | null;
};

/** Whether the best offset is within one frame of the truth. */
export function isRight({ curve, trueOffset }: CalibrationCase): boolean {
  return trueOffset !== null && Math.abs(curve.offsetFrames - trueOffset) <= 1;
}
