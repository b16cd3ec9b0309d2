import { join } from 'node:path';
import { audioFeatures } from '@lipsync/audio-mel';
import type { StoredCrop, SyncRecipe } from '@lipsync/contracts';
import { fail } from '@lipsync/contracts';
import type { SyncExpert } from '@lipsync/contracts/tensors';
import {
  createFaceEmbedder,
  createLandmarkDetector,
  LANDMARK_MODELS,
  type LandmarkModel,
  ShotDetector,
} from '@lipsync/face-crop';
import { openMedia } from '@lipsync/media';
import { laplacianVariance } from '@lipsync/metrics';
import { type LoadExpertOptions, loadExpert } from '@lipsync/score';
import { type LandmarkQuality, landmarkSettings, storedCropFor } from '@lipsync/sync-windows';
import { LAYOUTS, type LayoutName } from '../layouts/layouts';
import { ClipStore } from '../store/clip-store';
import { hashFile } from '../store/hash-file';
import { offsetStage } from './offset-stage';
import { assertPreparation, GENERAL, type Preparation } from './preparation';
import type { PrepareStages } from './prepare-stages';
import { type PrepareProgress, type PrepareResult, prepareVideo } from './prepare-video';
import { readLandmarks } from './read-landmarks';
import { type LogitFiles, readLogits } from './read-logits';

const DINET_FILES: LogitFiles = { labels: 'deepspeech', halve: 'second' };

export type PrepareFolderOptions = {
  /** Folder of videos, or one video. */
  input: string;
  /** Folder of the store; a preparation found there resumes. */
  store: string;
  /** Recipe of the network that the clips are for: decides crop (stored twice as large and wider), features and frame rate. */
  recipe: SyncRecipe;
  /** How frames are stored. Default: as the preparation says, or else `storedCropFor(recipe.crop)`. */
  crop?: StoredCrop;
  /** What is done and kept. Default `GENERAL`. */
  preparation?: Preparation;
  /** Path of the weights of the sync network that measures offsets. Default: offsets stay unknown. */
  expert?: string;
  /** The network's recipe, where its file has none. */
  expertRecipe?: SyncRecipe;
  /** The network's configuration, where it is an AVAlignNet whose file has none. */
  expertConfig?: LoadExpertOptions['config'];
  /** The dict to read from the network's file, where it holds several. */
  expertPrefix?: string;
  /** Layout of the folder, which may name people and splits. Default `auto`: detected from the paths. */
  layout?: LayoutName | 'auto';
  /** Names of people by the videos' paths below the input folder; they go before those of the layout. Default none. */
  people?: Readonly<Record<string, string>>;
  /** Embeds each face once, so that people can be told apart where no label names them. Default true. */
  identify?: boolean;
  /** Work spent on landmarks. Default `fast`. */
  landmarkQuality?: LandmarkQuality;
  /** Networks that find the landmarks; the store names them. Default `blazeface-68`. */
  landmarkDetector?: LandmarkModel;
  /** Folder of landmark files made elsewhere: a video with such a file is not searched for faces. Default: files beside the videos. */
  landmarks?: string;
  /** Folder of a speech recogniser's logits (npy), see `readLogits`, which the clips then keep; a video without is dropped. Default none. */
  logits?: string;
  /** How the files of logits are read. Default: DeepSpeech's columns, every second row of 50 per second. */
  logitFiles?: LogitFiles;
  /** Number of processes. Default 1: this one, on the backend that is set. */
  jobs?: number;
  /** Prepares only every `count`-th video, from the `index`-th (from 0) on, and leaves the others to other machines. Default all. */
  shard?: { index: number; count: number };
  /** Share of clips to hold for validation. Default 0.15. */
  validationShare?: number;
  /** Seed of the train/validation split. Default 0. */
  seed?: number;
  /** Which audio track of each video, from 0. Default: as `openMedia` chooses. */
  audioTrack?: number;
  /** Which video track of each video, from 0. Default: as `openMedia` chooses. */
  videoTrack?: number;
  /** What happens with damaged videos: dropped, or what there is of them taken. Default `refuse`. */
  damage?: 'refuse' | 'conceal';
  /** Called about once per second of video. */
  onProgress?: (progress: PrepareProgress) => void;
  /** Called with lines for a log, such as which ffmpeg is used. */
  log?: (line: string) => void;
};

/** Prepares videos of one folder, one at a time. */
export type Preparer = { prepare(source: string): Promise<PrepareResult>; close(): void };

/** A preparer in this process, on the backend that is set. */
export async function openPreparer(
  folder: string,
  options: PrepareFolderOptions & { layout: LayoutName },
): Promise<Preparer> {
  const { landmarkQuality = 'fast', landmarks = folder, preparation = GENERAL, identify = true, layout, log } = options;
  const { logits: logitFolder, logitFiles = DINET_FILES, onProgress } = options;
  const { landmarkDetector = LANDMARK_MODELS[0] } = options;
  const { detector: detectorOptions, collect } = landmarkSettings(landmarkQuality, landmarkDetector);
  const store = await openStore(options);
  const expert = await openExpert(options);
  const { audioTrack, videoTrack, damage } = options;
  const reader = await openMedia({ log, audioTrack, videoTrack, damage });
  const detector = await createLandmarkDetector(detectorOptions);
  const embedder = identify ? await createFaceEmbedder() : undefined;
  const stages: PrepareStages = {
    shots: shotsOf(preparation),
    ...(expert ? { offset: offsetStage(expert) } : {}),
    sharpness: (data, size) => laplacianVariance({ data, ...size }, { range: [0, 255] }),
    ...(embedder ? { embed: embedder.embed.bind(embedder) } : {}),
  };
  const readLogitsOf = (source: string) =>
    logitFolder === undefined
      ? undefined
      : (durationSec: number) => readLogits(logitFolder, source, { durationSec, ...logitFiles });
  return {
    async prepare(source) {
      const path = join(folder, source);
      const before = await store.source(source);
      if (before) return { ...before, alreadyDone: true };
      const sourceSha256 = await hashFile(path);
      const { identity, landmarks: others } = LAYOUTS[layout].describe(source);
      const person = options.people?.[source] ?? identity;
      const tracks = readLandmarks(landmarks, source, others);
      tracks.catch(() => {}); // prepareVideo reports it
      const video = { path, source, sourceSha256, tracks, logits: readLogitsOf(source), person };
      return prepareVideo({ ...video, reader, detector, preparation, stages, collect, onProgress }, store);
    },
    close() {
      detector.dispose();
      expert?.dispose();
      embedder?.dispose();
    },
  };
}

function shotsOf({ shots, shotThreshold }: Preparation): PrepareStages['shots'] {
  if (shots === 'none') return undefined;
  return () =>
    new ShotDetector({ method: shots, ...(shotThreshold === undefined ? {} : { threshold: shotThreshold }) });
}

/** The sync network that measures offsets, where one is given and wanted. */
async function openExpert(options: PrepareFolderOptions): Promise<SyncExpert | undefined> {
  const { expert, expertRecipe, expertConfig, expertPrefix, preparation = GENERAL } = options;
  if (expert === undefined || preparation.offset === 'none') return undefined;
  try {
    return await loadExpert(expert, { recipe: expertRecipe, config: expertConfig, prefix: expertPrefix });
  } catch (error) {
    const { message } = error as Error;
    // What the caller left out is named as the caller knows it.
    const [, name, rest] = /^loadExpert: options\.(recipe|config|prefix) (must .*)$/s.exec(message) ?? [];
    const kind = error instanceof TypeError ? TypeError : error instanceof RangeError ? RangeError : Error;
    if (name) {
      const own = `expert${name[0].toUpperCase()}${name.slice(1)}`;
      throw new kind(`prepareFolder: ${own} ${rest}`, { cause: error });
    }
    const rule =
      'the weights of a sync network, with expertRecipe or expertConfig where the file does not say how its input is made';
    throw new kind(`prepareFolder: expert must be ${rule}, got ${expert}: ${message}`, { cause: error });
  }
}

/** How videos are read, where not as ever: a preparation that resumes must read them in the same way. */
const readingSettings = ({ audioTrack, videoTrack, damage = 'refuse' }: PrepareFolderOptions) => ({
  ...(audioTrack === undefined ? {} : { audioTrack }),
  ...(videoTrack === undefined ? {} : { videoTrack }),
  ...(damage === 'refuse' ? {} : { damage }),
});

/** The store of a preparation: a new one, or the one that it resumes. */
export async function openStore(options: PrepareFolderOptions): Promise<ClipStore> {
  const {
    store,
    recipe,
    landmarkQuality = 'fast',
    landmarkDetector = LANDMARK_MODELS[0],
    expert,
    identify = true,
    logits,
    logitFiles = DINET_FILES,
  } = options;
  const preparation = assertPreparation('prepareFolder', options.preparation ?? GENERAL);
  for (const name of ['expertRecipe', 'expertConfig', 'expertPrefix'] as const) {
    if (options[name] !== undefined && expert === undefined)
      fail(TypeError, 'prepareFolder', name, 'left out where expert is', options[name]);
  }
  const { stepsPerSecond, bins } = audioFeatures(recipe.features);
  const { features, fps } = recipe;
  const settings = {
    landmarkQuality,
    landmarkDetector,
    preparation,
    identify,
    ...(expert && preparation.offset !== 'none' ? { expert: await hashFile(expert) } : {}),
    ...(options.expertPrefix === undefined ? {} : { expertPrefix: options.expertPrefix }),
    ...(logits === undefined ? {} : { logits: logitFiles }),
    ...readingSettings(options),
  };
  const crop = options.crop ?? storedCrop(recipe, preparation);
  return ClipStore.create(store, { crop, features, stepsPerSecond, bins, fps }, settings);
}

function storedCrop({ crop }: SyncRecipe, { storage }: Preparation): StoredCrop {
  if (storage === undefined) return storedCropFor(crop);
  if (crop.kind !== 'dinet') {
    const rule = "'dinet' where the preparation stores DINet's face images (give crop to store others)";
    fail(TypeError, 'prepareFolder', 'recipe.crop.kind', rule, crop.kind);
  }
  return { kind: 'dinet head', mouth: crop.size };
}
