import type { SyncExpert } from '@lipsync/contracts/tensors';
import { WindowScorer } from '@lipsync/metrics';
import type { OffsetStage } from './segment-offset';

/**
 * Lets a sync network measure offsets while videos are prepared.
 *
 * By the rules of SyncNet's evaluation: windows that leave the clip count as zeros, which finds the offset of a short clip more often than the mean of
 * the pairs that exist (1.2 s: 88 against 72 of 100 within a frame). Numbers are rounded to four digits after the point, so that a clip does not depend
 * on the last bits of a sum.
 *
 * Of a segment its middle five seconds are looked at, and frames at every second window (audio at each): on pieces of 1.2 s 94.1 of 100 readings are
 * within a frame instead of 94.8, for three quarters of the work.
 *
 * @param expert Borrowed.
 */
export function offsetStage(expert: SyncExpert): OffsetStage {
  const scorer = new WindowScorer(expert, { every: expert.space === 'joint' ? 1 : 2 });
  const round = (value: number) => Math.round(value * 1e4) / 1e4;
  return {
    expert: expert.name,
    ...(expert.weightsHash ? { weightsHash: expert.weightsHash } : {}),
    recipe: expert.recipe,
    mostWindows: 5 * expert.recipe.fps,
    async measure(windows) {
      scorer.reset();
      let count = 0;
      for await (const window of windows) {
        await scorer.update(window);
        count++;
      }
      const { offsetFrames, lseC, lseD } = await scorer.compute();
      return { frameCount: offsetFrames, confidence: round(lseC), distance: round(lseD), windows: count };
    },
  };
}
