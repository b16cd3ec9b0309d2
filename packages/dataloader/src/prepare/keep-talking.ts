import type { ClipStore } from '../store/clip-store';
import type { Drop } from '../store/store-records';
import { overlapping } from './chosen-faces';

/** A segment that became a clip. */
export type FinishedSegment = {
  track: number;
  number: number;
  firstFrame: number;
  frameCount: number;
  id: string;
  /** Confidence of a sync network; missing where none measured it. */
  confidence?: number;
};

/** Of clips seen at the same time, keeps the one in which the sync network is most confident; removes and drops the others. */
export async function keepTalking(
  finished: readonly FinishedSegment[],
  store: ClipStore,
  { source, clips, drop }: { source: string; clips: string[]; drop: (entry: Drop) => Promise<void> },
): Promise<void> {
  for (const segment of finished) {
    const { confidence } = segment;
    if (confidence === undefined) continue;
    const better = finished.find(
      (other) => other.track !== segment.track && overlapping(other, segment) && (other.confidence ?? 0) > confidence,
    );
    if (!better) continue;
    clips.splice(clips.indexOf(segment.id), 1);
    await store.remove(segment.id);
    const detail = `confidence ${confidence.toFixed(3)}, face ${better.track} at the same time ${better.confidence!.toFixed(3)}`;
    await drop({ source, track: segment.track, segment: segment.number, reason: 'not talking', detail });
  }
}
