/** How a network was trained by those who published it, as far as is known. */
export type TrainingPreset = {
  /** `distance`: `contrastiveDistanceLoss`; `cosine`: binary cross-entropy of cosines; `map`: `scoreMapLoss`. */
  loss: 'distance' | 'cosine' | 'map';
  /** Of the distance loss. */
  margin?: number;
  /** Adam (AdamW without decay). */
  learningRate: number;
  betas: [number, number];
  /** Pairs in a batch. */
  pairs: number;
  /** Chance that a pair is in sync. */
  positiveShare: number;
  /** Least distance, in frames of the same clip, of a pair off sync. */
  minOffset: number;
  /** Where the numbers come from, and which are ours. */
  source: string;
};

/** The published recipes by network. */
export const TRAINING_PRESETS = {
  syncnet: {
    loss: 'distance',
    margin: 20,
    learningRate: 1e-4,
    betas: [0.9, 0.999],
    pairs: 64,
    positiveShare: 0.5,
    minOffset: 1,
    source:
      'margin 20: the author on the released network; rate, batch and pairs are ours, as its training was never published',
  },
  wav2lip: {
    loss: 'cosine',
    learningRate: 1e-4,
    betas: [0.9, 0.999],
    pairs: 64,
    positiveShare: 0.5,
    minOffset: 1,
    source:
      'Wav2Lip, hparams.py and color_syncnet_train.py: Adam 1e-4, batch 64, any other start of the clip is off sync',
  },
  latentsync: {
    loss: 'cosine',
    learningRate: 1e-5,
    betas: [0.9, 0.999],
    pairs: 256,
    positiveShare: 0.5,
    minOffset: 1,
    source: 'LatentSync: AdamW 1e-5, batch 256, any other start of the clip is off sync',
  },
  dinet: {
    loss: 'map',
    learningRate: 1e-5,
    betas: [0.9, 0.999],
    pairs: 32,
    positiveShare: 0.5,
    minOffset: 1,
    source: 'DINet, advice in its issues: 1e-5, small mouths first, scores clamped; batch and pairs are ours',
  },
} as const satisfies Record<string, TrainingPreset>;
