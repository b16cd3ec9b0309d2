import type { GroupRule, TrainExpertOptions } from '@lipsync/train';

/** A training in stages, as plain data; every stage writes a folder of its name. */
export type Recipe = {
  /** What comes out, and how it was made the first time. */
  about: string;
  /** JSON file in the folder of videos: name of the video to name of the person. */
  people?: string;
  /** List of the validation videos, beside the recipe. */
  heldOut: string;
  /** Regular expression for the name of a video to the set that it is from; the first that fits counts. */
  sets: Record<string, string>;
  stages: (TrainStage | CorrectStage)[];
};

/** Trains a network. */
export type TrainStage = {
  kind: 'train';
  name: string;
  /** The corrected clips to train on. Default: as prepared. */
  clips?: string;
  /** The training stage whose weights it starts from. Default: drawn ones. */
  init?: string;
  options: Pick<
    TrainExpertOptions,
    'steps' | 'preset' | 'clipsPerBatch' | 'windowsPerClip' | 'learningRate' | 'seed' | 'data'
  >;
};

/** Moves the audio of the prepared clips by what a network reads, and leaves out clips without an offset. */
export type CorrectStage = {
  kind: 'correct';
  name: string;
  /** The training stage whose network reads. */
  network: string;
  /** By set: see `planCorrections`. */
  rules: Record<string, GroupRule>;
  zeroFrames?: number;
};
