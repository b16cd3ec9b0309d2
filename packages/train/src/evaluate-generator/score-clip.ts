import type { Features } from '@lipsync/contracts';
import type { SyncExpert } from '@lipsync/contracts/tensors';
import { type Clip, type ClipAudio, type ClipStore, featuresFor } from '@lipsync/dataloader';
import type { SyncScore } from '@lipsync/metrics';
import { batchSizeFor, localEmbedder, scoreEmbeddings, WindowScorer } from '@lipsync/metrics';
import { cutFeatureWindow, firstWindow, windowCount } from '@lipsync/sync-windows';
import { expertWindows, type SourceFrames, type WindowAt } from './expert-windows';
import { GENERATOR_ROWS, type GeneratorFigures, type Shown, shownIn } from './generator-figures';

/** Scores by `${shown} ${audio}`; none where the clip is shorter than a window. */
export type ClipScores = {
  windows: number;
  scores: Map<string, SyncScore>;
  /** Share of the expert's crop that lay outside of what was there, 0..1. */
  outside: number;
};

export type ScoreClipOptions = {
  store: ClipStore;
  frameCount: number;
  /** Face images by set. */
  shown: Record<Shown, Uint8Array>;
  audios: Record<GeneratorFigures['audio'], ClipAudio>;
  sourceFrames?: SourceFrames;
};

type Pair = [Shown, GeneratorFigures['audio']];

/** Each set of frames with each audio that a row of the table asks for. */
const PAIRS = [...new Set(GENERATOR_ROWS.map((row) => `${shownIn(row)} ${row.audio}`))].map(
  (pair) => pair.split(' ') as Pair,
);

/** An expert's scores of all sets of frames with both audio tracks; each window is embedded once. */
export async function scoreClip(
  expert: SyncExpert,
  clip: Clip,
  { store, frameCount, shown, audios, sourceFrames }: ScoreClipOptions,
): Promise<ClipScores> {
  const { recipe } = expert;
  const features = {
    own: featuresFor(audios.own, recipe, store.recipe),
    other: featuresFor(audios.other, recipe, store.recipe),
  };
  const count = Math.min(...Object.values(features).map(({ steps }) => windowCount(frameCount, steps, recipe)));
  const first = firstWindow(recipe);
  if (count <= first) return { windows: 0, scores: new Map(), outside: 0 };
  const { windows, outside } = await expertWindows(recipe, clip, { store: store.recipe, shown, sourceFrames });
  const starts = Array.from({ length: count - first }, (_, i) => first + i);
  const score = expert.space === 'joint' ? scorePairs : scoreTowers;
  return { windows: starts.length, scores: await score(expert, { windows, features, starts }), outside };
}

type Input = {
  windows: Record<Shown, WindowAt>;
  features: Record<GeneratorFigures['audio'], Features>;
  starts: number[];
};

/** For experts without a shared space: every pair goes through the network. */
async function scorePairs(expert: SyncExpert, { windows, features, starts }: Input): Promise<Map<string, SyncScore>> {
  const scores = new Map<string, SyncScore>();
  for (const [frames, audio] of PAIRS) {
    const scorer = new WindowScorer(localEmbedder(expert));
    for (const start of starts) {
      const window = cutFeatureWindow(features[audio], start, { recipe: expert.recipe });
      await scorer.update({ frames: windows[frames](start), features: window });
    }
    scores.set(`${frames} ${audio}`, await scorer.compute());
  }
  return scores;
}

/** For experts with embeddings: each set of frames and each audio is embedded once. */
async function scoreTowers(expert: SyncExpert, { windows, features, starts }: Input): Promise<Map<string, SyncScore>> {
  const { recipe, space, name } = expert;
  const embedder = localEmbedder(expert);
  const inBatches = async (embed: (some: number[]) => Promise<Float32Array>) => {
    const rows = new Float32Array(starts.length * expert.embeddingSize);
    const size = batchSizeFor(recipe);
    for (let first = 0; first < starts.length; first += size)
      rows.set(await embed(starts.slice(first, first + size)), first * expert.embeddingSize);
    return rows;
  };
  const visual = new Map<string, Float32Array>();
  for (const frames of new Set(PAIRS.map(([one]) => one)))
    visual.set(frames, await inBatches((some) => embedder.visual(some.map(windows[frames]))));
  const audio = new Map<string, Float32Array>();
  for (const which of ['own', 'other'] as const) {
    const window = (start: number) => cutFeatureWindow(features[which], start, { recipe });
    audio.set(which, await inBatches((some) => embedder.audio(some.map(window))));
  }
  const { embeddingSize: dimension } = expert;
  const options = { space: space as 'unit' | 'euclidean', dimension, fps: recipe.fps, expert: name };
  return new Map(
    PAIRS.map(([frames, which]) => [
      `${frames} ${which}`,
      scoreEmbeddings({ visual: visual.get(frames)!, audio: audio.get(which)! }, options),
    ]),
  );
}
