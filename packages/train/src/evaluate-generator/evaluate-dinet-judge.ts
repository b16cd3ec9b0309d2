import type { Features } from '@lipsync/contracts';
import type { SyncExpert } from '@lipsync/contracts/tensors';
import type { Clip, ClipStore } from '@lipsync/dataloader';
import type { SyncScore } from '@lipsync/metrics';
import { batchSizeFor, embedAudio, embedVisual, scoreEmbeddings, WindowScorer } from '@lipsync/metrics';
import { cutFeatureWindow, windowCount } from '@lipsync/sync-windows';
import { headWindows } from './evaluate-dinet-expert';
import { DINET_ROWS, type DinetFigures, type Shown, shownIn } from './evaluate-dinet-figures';

export type Judged = { windows: number; scores: Map<string, SyncScore> };

/** What an expert says of all sets of frames with both audio tracks; each window is embedded once. */
export async function judgeClip(
  expert: SyncExpert,
  clip: Clip,
  {
    store,
    count,
    shown,
    audios,
  }: {
    store: ClipStore;
    count: number;
    shown: Record<Shown, Uint8Array>;
    audios: Record<DinetFigures['audio'], Features>;
  },
): Promise<Judged> {
  const { recipe, space, name } = expert;
  const cut = headWindows(store.recipe, recipe, clip);
  const windows = Math.min(...Object.values(audios).map((features) => windowCount(count, features.steps, recipe)));
  const scores = new Map<string, SyncScore>();
  if (windows < 1) return { windows: 0, scores };
  const starts = Array.from({ length: windows }, (_, start) => start);
  const pairs = [...new Set(DINET_ROWS.map((row) => `${shownIn(row)} ${row.audio}`))].map(
    (pair) => pair.split(' ') as [Shown, DinetFigures['audio']],
  );
  const featureAt = (audio: DinetFigures['audio'], start: number) => cutFeatureWindow(audios[audio], start, { recipe });
  if (space === 'joint') {
    for (const [frames, audio] of pairs) {
      const windowAt = cut(shown[frames]);
      const scorer = new WindowScorer(expert);
      for (const start of starts) await scorer.update({ frames: windowAt(start), features: featureAt(audio, start) });
      scores.set(`${frames} ${audio}`, await scorer.compute());
    }
    return { windows, scores };
  }
  const inBatches = async (embed: (some: number[]) => Promise<Float32Array>) => {
    const rows = new Float32Array(windows * expert.embeddingSize);
    const size = batchSizeFor(recipe);
    for (let first = 0; first < windows; first += size)
      rows.set(await embed(starts.slice(first, first + size)), first * expert.embeddingSize);
    return rows;
  };
  const seen = new Map<string, Float32Array>();
  for (const frames of new Set(pairs.map(([one]) => one))) {
    const windowAt = cut(shown[frames]);
    seen.set(frames, await inBatches((some) => embedVisual(expert, some.map(windowAt))));
  }
  const heard = new Map<string, Float32Array>();
  for (const audio of ['own', 'other'] as const)
    heard.set(
      audio,
      await inBatches((some) =>
        embedAudio(
          expert,
          some.map((start) => featureAt(audio, start)),
        ),
      ),
    );
  for (const [frames, audio] of pairs) {
    const score = scoreEmbeddings(seen.get(frames)!, heard.get(audio)!, expert.embeddingSize, {
      space,
      fps: recipe.fps,
      expert: name,
    });
    scores.set(`${frames} ${audio}`, score);
  }
  return { windows, scores };
}
