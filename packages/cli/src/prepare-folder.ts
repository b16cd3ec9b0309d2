import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { FaceTrack, SyncRecipe } from '@lipsync/contracts';
import { ClipStore, prepareVideo, storedCropFor, type PrepareResult, type StoreSummary } from '@lipsync/dataloader';
import { createLandmarkDetector, parseLandmarkFile } from '@lipsync/face-crop';
import { openMedia } from '@lipsync/media';
import { melFeatures } from '@lipsync/audio-mel';
import { LANDMARK_EFFORT, type LandmarkEffort } from './landmark-effort';
import { listVideos } from './list-videos';
import { startPrepareWorker } from './prepare-worker';

export type PrepareFolderOptions = {
  /** Folder of videos, or one video. */
  input: string;
  /** Folder of the store; a preparation found there goes on. */
  store: string;
  /** What the clips are for: its crop (stored twice as large and wider), mel and rate. */
  recipe: SyncRecipe;
  /** Work that goes into landmarks. Default `fast`. */
  effort?: LandmarkEffort;
  /**
   * Folder of landmark files made elsewhere, `<video path>.landmarks.json`; a video that has one is not searched for faces. Default:
   * files beside the videos.
   */
  landmarks?: string;
  /** Shorter clips are dropped, pictures. Default 20. */
  minFrames?: number;
  /** Processes at work beside each other. Default 1: this one, on the backend that is set. */
  jobs?: number;
  /** Hears what is worth saying, such as which ffmpeg is in use. */
  log?: (line: string) => void;
};

export type PrepareEvent =
  | { kind: 'start'; videos: number; alreadyDone: number }
  | { kind: 'video'; result: PrepareResult; done: number; videos: number }
  | { kind: 'done'; summary: StoreSummary };

/**
 * Prepares every video of a folder: face tracks, mouth crops and mel spectrograms in a store that training reads.
 *
 * A broken, silent, faceless or too short video is recorded with its reason and passed over. Runs as far as it is iterated;
 * killed and started again it goes on, and the store ends in the same bytes whatever the number of jobs.
 *
 * @example
 * for await (const event of prepareFolder({ input: 'videos', store: 'clips', recipe: recipeOf(LITE) })) {
 *   if (event.kind === 'video') console.log(event.result.source, event.result.clips.length);
 * }
 */
export async function* prepareFolder(options: PrepareFolderOptions): AsyncGenerator<PrepareEvent> {
  const { input, jobs = 1 } = options;
  const { folder, sources } = await listVideos(input);
  const store = await openStore(options);
  const waiting: string[] = [];
  for (const source of sources) if (!(await store.source(source))) waiting.push(source);
  const videos = sources.length;
  let done = videos - waiting.length;
  yield { kind: 'start', videos, alreadyDone: done };

  const count = Math.min(jobs, waiting.length);
  const workers = await Promise.all(
    Array.from({ length: count }, () => (jobs === 1 ? openPreparer(folder, options) : startPrepareWorker(folder, options))),
  );
  // Each worker takes the next video as soon as it is free; results come in the order in which they are done.
  const busy = new Map<number, Promise<{ worker: number; result: PrepareResult }>>();
  const give = (worker: number) => {
    const source = waiting.shift();
    if (source === undefined) busy.delete(worker);
    else busy.set(worker, workers[worker].prepare(source).then((result) => ({ worker, result })));
  };
  try {
    workers.forEach((_, worker) => give(worker));
    while (busy.size > 0) {
      const { worker, result } = await Promise.race(busy.values());
      give(worker);
      yield { kind: 'video', result, done: ++done, videos };
    }
  } finally {
    for (const pending of busy.values()) pending.catch(() => {}); // one error is enough
    for (const worker of workers) worker.close();
  }
  yield { kind: 'done', summary: await store.finish() };
}

/** Prepares videos of one folder, one at a time. */
export type Preparer = { prepare(source: string): Promise<PrepareResult>; close(): void };

/** A preparer in this process, on the backend that is set. */
export async function openPreparer(folder: string, options: PrepareFolderOptions): Promise<Preparer> {
  const { effort = 'fast', landmarks = folder, minFrames, log } = options;
  const { detector: looks, collect } = LANDMARK_EFFORT[effort];
  const store = await openStore(options);
  const reader = await openMedia({ log });
  const detector = await createLandmarkDetector(looks);
  return {
    async prepare(source) {
      const tracks = await readTracks(join(landmarks, `${source}.landmarks.json`));
      return prepareVideo({ path: join(folder, source), source, reader, detector, tracks, minFrames, collect }, store);
    },
    close: () => detector.dispose(),
  };
}

function openStore({ store, recipe, effort = 'fast', minFrames = 20 }: PrepareFolderOptions): Promise<ClipStore> {
  const { stepsPerSecond, bins } = melFeatures(recipe.mel);
  const { crop, mel, fps } = recipe;
  return ClipStore.create(store, { crop: storedCropFor(crop), mel, stepsPerSecond, bins, fps }, { effort, minFrames });
}

async function readTracks(path: string): Promise<FaceTrack[] | undefined> {
  if (!(await stat(path).catch(() => undefined))) return undefined;
  return parseLandmarkFile(await readFile(path, 'utf8'));
}
