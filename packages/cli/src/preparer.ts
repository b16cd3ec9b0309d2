import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { audioFeatures } from '@lipsync/audio-mel';
import type { FaceTrack, SyncRecipe } from '@lipsync/contracts';
import { ClipStore, prepareVideo, storedCropFor, type PrepareResult } from '@lipsync/dataloader';
import { createLandmarkDetector, parseLandmarkFile } from '@lipsync/face-crop';
import { openMedia } from '@lipsync/media';
import { LANDMARK_EFFORT, type LandmarkEffort } from './landmark-effort';

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

/** The store of a preparation: a new one, or the one that it goes on with. */
export function openStore({
  store,
  recipe,
  effort = 'fast',
  minFrames = 20,
}: PrepareFolderOptions): Promise<ClipStore> {
  const { stepsPerSecond, bins } = audioFeatures(recipe.mel);
  const { crop, mel, fps } = recipe;
  return ClipStore.create(store, { crop: storedCropFor(crop), mel, stepsPerSecond, bins, fps }, { effort, minFrames });
}

async function readTracks(path: string): Promise<FaceTrack[] | undefined> {
  if (!(await stat(path).catch(() => undefined))) return undefined;
  return parseLandmarkFile(await readFile(path, 'utf8'));
}
