import type { Mel, SyncExpert } from '@lipsync/contracts';
import { cutMelWindow, windowCount } from '@lipsync/sync-windows';
import type { Clip, ClipStore } from '@lipsync/dataloader';
import { batchSizeFor, embedPictures, embedSound, scoreEmbeddings, WindowScorer } from '@lipsync/metrics';
import type { SyncScore } from '@lipsync/metrics';
import { headWindows } from './evaluate-dinet-expert';
import { DINET_ROWS, shownIn, type DinetFigures, type Shown } from './evaluate-dinet-figures';

export type Judged = { windows: number; scores: Map<string, SyncScore> };

/** What an expert says of all sets of pictures with both sounds; each window is embedded once. */
export async function judgeClip(
  expert: SyncExpert,
  clip: Clip,
  { store, count, shown, sounds }: { store: ClipStore; count: number; shown: Record<Shown, Uint8Array>; sounds: Record<DinetFigures['sound'], Mel> },
): Promise<Judged> {
  const { recipe, space, name } = expert;
  const cut = headWindows(store.recipe, recipe, clip);
  const windows = Math.min(...Object.values(sounds).map((mel) => windowCount(count, mel.steps, recipe)));
  const scores = new Map<string, SyncScore>();
  if (windows < 1) return { windows: 0, scores };
  const starts = Array.from({ length: windows }, (_, start) => start);
  const pairs = [...new Set(DINET_ROWS.map((row) => `${shownIn(row)} ${row.sound}`))].map((pair) => pair.split(' ') as [Shown, DinetFigures['sound']]);
  const melAt = (sound: DinetFigures['sound'], start: number) => cutMelWindow(sounds[sound], start, { recipe });
  if (space === 'joint') {
    for (const [pictures, sound] of pairs) {
      const windowAt = cut(shown[pictures]);
      const scorer = new WindowScorer(expert);
      for (const start of starts) await scorer.update({ frames: windowAt(start), mel: melAt(sound, start) });
      scores.set(`${pictures} ${sound}`, await scorer.compute());
    }
    return { windows, scores };
  }
  const inBatches = async (embed: (some: number[]) => Promise<Float32Array>) => {
    const rows = new Float32Array(windows * expert.embeddingSize);
    const size = batchSizeFor(recipe);
    for (let first = 0; first < windows; first += size) rows.set(await embed(starts.slice(first, first + size)), first * expert.embeddingSize);
    return rows;
  };
  const seen = new Map<string, Float32Array>();
  for (const pictures of new Set(pairs.map(([one]) => one))) {
    const windowAt = cut(shown[pictures]);
    seen.set(pictures, await inBatches((some) => embedPictures(expert, some.map(windowAt))));
  }
  const heard = new Map<string, Float32Array>();
  for (const sound of ['own', 'other'] as const) heard.set(sound, await inBatches((some) => embedSound(expert, some.map((start) => melAt(sound, start)))));
  for (const [pictures, sound] of pairs) {
    const score = scoreEmbeddings(seen.get(pictures)!, heard.get(sound)!, expert.embeddingSize, { space, fps: recipe.fps, expert: name });
    scores.set(`${pictures} ${sound}`, score);
  }
  return { windows, scores };
}
