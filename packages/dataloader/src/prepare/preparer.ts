import { join } from 'node:path';
import { audioFeatures } from '@lipsync/audio-mel';
import type { AVAlignNetConfig } from '@lipsync/avalignnet';
import type { StoredCrop, SyncRecipe } from '@lipsync/contracts';
import { createFaceEmbedder, createLandmarkDetector, ShotDetector } from '@lipsync/face-crop';
import { openMedia } from '@lipsync/media';
import { laplacianVariance } from '@lipsync/metrics';
import { loadExpert } from '@lipsync/score';
import { storedCropFor } from '@lipsync/sync-windows';
import { LAYOUTS, type LayoutName } from '../layouts/layouts';
import { ClipStore, hashFile } from '../store/clip-store';
import { LANDMARK_QUALITY, type LandmarkQuality } from './landmark-quality';
import { offsetStage } from './offset-stage';
import { GENERAL, type Preparation } from './preparation';
import { type PrepareProgress, type PrepareResult, prepareVideo } from './prepare-video';
import { readLandmarks } from './read-landmarks';
import { type LogitFiles, readLogits } from './read-logits';

const DINET_FILES: LogitFiles = { labels: 'deepspeech', halve: 'second' };

export type PrepareFolderOptions = {
  /** Folder of videos, or one video. */
  input: string;
  /** Folder of the store; a preparation found there goes on. */
  store: string;
  /** What the clips are for: its crop (stored twice as large and wider), mel and rate. */
  recipe: SyncRecipe;
  /** How frames are stored, where that is not what the recipe wants: a generator's head crop. */
  crop?: StoredCrop;
  /** What is done and kept. Default `GENERAL`. */
  preparation?: Preparation;
  /** Weights of the sync network that measures offsets; without it they stay unknown. */
  expert?: string;
  /** Its recipe and configuration, where its file has none. */
  expertRecipe?: SyncRecipe;
  expertConfig?: AVAlignNetConfig;
  /** What the folder's names say of people and clips; `auto`: as they look. Default `auto`. */
  layout?: LayoutName | 'auto';
  /** Looks at each face once, so that people can be told apart where the layout does not name them. Default true. */
  identify?: boolean;
  /** Work that goes into landmarks. Default `fast`. */
  landmarkQuality?: LandmarkQuality;
  /** Folder of landmark files made elsewhere: a video that has one is not searched for faces. Default: files beside the videos. */
  landmarks?: string;
  /** Folder of a speech recogniser's logits (npy), see `readLogits`, which clips then keep; a video without is dropped. Default none. */
  logits?: string;
  /** How they are to be read. Default DeepSpeech's columns, every second row of 50 a second. */
  logitFiles?: LogitFiles;
  /** Processes at work beside each other. Default 1: this one, on the backend that is set. */
  jobs?: number;
  /** Prepares only every `count`-th video, from the `index`-th (from 0) on; the others are left to other machines. Default all. */
  shard?: { index: number; count: number };
  /** Share of clips to hold for validation, and the seed by which their people are drawn. Default 0.15 and 0. */
  validationShare?: number;
  seed?: number;
  /** Hears how far videos are that take long: about every second of video. */
  onProgress?: (progress: PrepareProgress) => void;
  /** Hears what is worth saying, such as which ffmpeg is in use. */
  log?: (line: string) => void;
};

/** Prepares videos of one folder, one at a time. */
export type Preparer = { prepare(source: string): Promise<PrepareResult>; close(): void };

/** A preparer in this process, on the backend that is set. */
export async function openPreparer(
  folder: string,
  options: PrepareFolderOptions & { layout: LayoutName },
): Promise<Preparer> {
  const {
    landmarkQuality = 'fast',
    landmarks = folder,
    preparation = GENERAL,
    identify = true,
    expert: weights,
    layout,
    log,
  } = options;
  const { logits: logitFolder, logitFiles = DINET_FILES } = options;
  const { detector: looks, collect } = LANDMARK_QUALITY[landmarkQuality];
  const store = await openStore(options);
  const reader = await openMedia({ log });
  const detector = await createLandmarkDetector(looks);
  const expert =
    weights && preparation.offset !== 'none'
      ? await loadExpert(weights, { recipe: options.expertRecipe, config: options.expertConfig })
      : undefined;
  const embedder = identify ? await createFaceEmbedder() : undefined;
  const { shots, shotThreshold } = preparation;
  const stages = {
    ...(shots === 'none'
      ? {}
      : {
          shots: () =>
            new ShotDetector({ method: shots, ...(shotThreshold === undefined ? {} : { threshold: shotThreshold }) }),
        }),
    ...(expert ? { offset: offsetStage(expert) } : {}),
    sharpness: (data: Uint8Array, size: { width: number; height: number }) =>
      laplacianVariance({ data, ...size }, { range: [0, 255] }),
    ...(embedder ? { embed: embedder.embed.bind(embedder) } : {}),
  };
  return {
    async prepare(source) {
      const path = join(folder, source);
      const before = await store.source(source);
      if (before) return { ...before, alreadyDone: true };
      const sourceSha256 = await hashFile(path);
      const { identity: person, landmarks: others } = LAYOUTS[layout].describe(source);
      const tracks = readLandmarks(landmarks, source, others);
      tracks.catch(() => {}); // prepareVideo says it
      const { onProgress } = options;
      const logits =
        logitFolder === undefined
          ? undefined
          : (durationSec: number) => readLogits(logitFolder, source, durationSec, logitFiles);
      const about = { sourceSha256, ...(person === undefined ? {} : { person }) };
      return prepareVideo(
        { path, source, reader, detector, tracks, logits, preparation, stages, collect, onProgress, ...about },
        store,
      );
    },
    close() {
      detector.dispose();
      expert?.dispose();
      embedder?.dispose();
    },
  };
}

/** The store of a preparation: a new one, or the one that it goes on with. */
export async function openStore(options: PrepareFolderOptions): Promise<ClipStore> {
  const {
    store,
    recipe,
    crop,
    landmarkQuality = 'fast',
    preparation = GENERAL,
    expert,
    identify = true,
    logits,
    logitFiles = DINET_FILES,
  } = options;
  const { stepsPerSecond, bins } = audioFeatures(recipe.features);
  const { features, fps } = recipe;
  const settings = {
    landmarkQuality,
    preparation,
    identify,
    ...(expert && preparation.offset !== 'none' ? { expert: await hashFile(expert) } : {}),
    ...(logits === undefined ? {} : { logits: logitFiles }),
  };
  return ClipStore.create(
    store,
    { crop: crop ?? storedCropFor(recipe.crop), features, stepsPerSecond, bins, fps },
    settings,
  );
}
