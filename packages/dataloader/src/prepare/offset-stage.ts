import type { SyncExpert } from '@lipsync/contracts/tensors';
import { ImageCounter, localEmbedder, type SyncVerdict, syncVerdict, WindowScorer } from '@lipsync/metrics';
import type { OffsetVerdict } from '../store/clip';
import type { OffsetStage } from './segment-offset';

/**
 * A stage that measures offsets with a sync network while videos are prepared, with a verdict on each.
 *
 * Offset, LSE-C and LSE-D by the rules of SyncNet's evaluation: windows beyond the clip count as zeros. The verdict is
 * `syncVerdict`'s, with the share of speech and the number of different images. Values are rounded to four decimals, so
 * that a clip does not depend on the last bits of a sum.
 *
 * All of a segment is measured, frames at every second window (audio at each): neighbouring windows say nearly the
 * same.
 *
 * @param expert Borrowed.
 * @example
 * const stages = { offset: offsetStage(expert) };
 */
export function offsetStage(expert: SyncExpert): OffsetStage {
  const scorer = new WindowScorer(localEmbedder(expert), { visualStride: expert.space === 'joint' ? 1 : 2 });
  const round = (value: number) => Math.round(value * 1e4) / 1e4;
  const { recipe } = expert;
  return {
    expert: expert.name,
    ...(expert.weightsHash ? { weightsHash: expert.weightsHash } : {}),
    recipe,
    async measure(windows, facts = {}) {
      scorer.reset();
      const images = new ImageCounter();
      let count = 0;
      for await (const window of windows) {
        images.add(window.frames, recipe.frameCount);
        await scorer.update(window);
        count++;
      }
      const score = await scorer.compute();
      const imagesPerSec = images.perSec(recipe.fps);
      const known = {
        ...facts,
        ...(imagesPerSec === undefined ? {} : { imagesPerSec }),
        calibration: expert.calibration,
      };
      const verdict = keptVerdict(syncVerdict(score, { ...known, windowFrames: recipe.frameCount }));
      const { offsetFrames, lseC, lseD } = score;
      return { offsetFrames, confidence: round(lseC), distance: round(lseD), windows: count, verdict };
    },
  };
}

function keptVerdict({ answer, reason, sentence, confidence, offsetFrames, evidence }: SyncVerdict): OffsetVerdict {
  const { offsetFrames: likeliestFrames, zScore } = evidence;
  return { answer, reason, sentence, confidence, offsetFrames, likeliestFrames, zScore };
}
