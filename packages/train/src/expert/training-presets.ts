import { fail, type Loudness, SPEECH_LOUDNESS } from '@lipsync/contracts';
import { type Augmentation, CONTRAST, type PairSampling, type SyncSampling, THESIS_PAIRS } from '@lipsync/dataloader';
import type { TrainedNetworkName } from './trained-network';

/**
 * How an expert is trained. `contrast`: our default. `thesis`: the recipe of the thesis. `published`: the recipe of the
 * network's publisher, as far as it is known; for AVAlignNet that is `thesis`.
 */
export type ExpertPreset = 'contrast' | 'thesis' | 'published';

/** All that a preset decides; plain data. */
export type TrainingPreset = {
  /**
   * `contrast`: windows of one clip against each other (InfoNCE), then cross-entropy blended in; `cosine`: binary
   * cross-entropy of cosines; `distance`: `contrastiveDistanceLoss`; `map`: `scoreMapLoss`.
   */
  loss: 'contrast' | 'cosine' | 'distance' | 'map';
  /** Of the distance loss. */
  margin?: number;
  /** Highest learning rate of AdamW. */
  learningRate: number;
  /** `constant`, or `cosine`: a linear warm-up of at most 150 steps, then half a cosine down to 2 % of the rate. */
  schedule: 'constant' | 'cosine';
  betas: [number, number];
  /** AdamW's; 0 makes it Adam. */
  weightDecay: number;
  /** Whether biases and norm scales decay, too, as with PyTorch's defaults. */
  decayOneDimensional: boolean;
  /** Largest norm of all gradients together; undefined: not clipped. */
  clipNorm?: number;
  /**
   * Decay of the moving average of the weights, which is then what is validated and saved; undefined: the trained
   * weights themselves.
   */
  averageDecay?: number;
  sampling: SyncSampling;
  /** How loud the audio is made, in training and then in scoring; the weights file says so. */
  loudness: Loudness;
  /** Variation of the windows; null for none. */
  augment: Augmentation | null;
  /** Where the values come from, and which are ours. */
  source: string;
};

/** AdamW by PyTorch's defaults, on pairs as the thesis draws them. */
const PLAIN: Omit<TrainingPreset, 'loss' | 'learningRate' | 'source' | 'sampling'> & { sampling: PairSampling } = {
  schedule: 'constant',
  betas: [0.9, 0.999],
  weightDecay: 0.01,
  decayOneDimensional: true,
  sampling: THESIS_PAIRS.sampling,
  augment: null,
  loudness: 'none',
};

/**
 * Every recipe by which an expert is trained here: our own, the thesis's, and those of the networks' publishers.
 *
 * @example
 * const { learningRate, source } = TRAINING_PRESETS.wav2lip;
 */
export const TRAINING_PRESETS = {
  contrast: {
    ...PLAIN,
    loss: 'contrast',
    learningRate: 1.5e-3,
    schedule: 'cosine',
    decayOneDimensional: false,
    clipNorm: 1,
    averageDecay: 0.998,
    sampling: CONTRAST.sampling,
    augment: CONTRAST.augment,
    loudness: SPEECH_LOUDNESS,
    source: 'ours: it learns from hours of video where the plain recipes stay at chance',
  },
  thesis: {
    ...PLAIN,
    loss: 'cosine',
    learningRate: 1e-5,
    clipNorm: 1,
    loudness: SPEECH_LOUDNESS,
    source:
      'thesis: AdamW 1e-5 at a constant rate, 256 pairs a batch, half of them in sync, a pair off sync is any other start of the same clip, weights as trained. ' +
      'Where it is silent: betas 0.9 and 0.999, weight decay 0.01 (PyTorch’s defaults), gradients clipped at 1 (LatentSync’s), speech brought to one level (ours). Float32 in place of mixed precision',
  },
  syncnet: {
    ...PLAIN,
    loss: 'distance',
    margin: 20,
    learningRate: 1e-4,
    weightDecay: 0,
    sampling: { ...PLAIN.sampling, pairs: 64 },
    source:
      'margin 20: the author on the released network; rate, batch and pairs are ours, as its training was never published',
  },
  wav2lip: {
    ...PLAIN,
    loss: 'cosine',
    learningRate: 1e-4,
    weightDecay: 0,
    sampling: { ...PLAIN.sampling, pairs: 64, lengthInWindows: 3, lengthBeyond: 1 },
    source:
      'Wav2Lip, hparams.py and color_syncnet_train.py: Adam 1e-4, batch 64, clips longer than three windows (16 frames or more), any other start of the clip is off sync',
  },
  latentsync: {
    ...PLAIN,
    loss: 'cosine',
    learningRate: 1e-5,
    clipNorm: 1,
    source: 'LatentSync: AdamW 1e-5, batch 256, gradients clipped at 1, any other start of the clip is off sync',
  },
  dinet: {
    ...PLAIN,
    loss: 'map',
    learningRate: 1e-5,
    weightDecay: 0,
    sampling: { ...PLAIN.sampling, pairs: 32 },
    source: 'DINet, advice in its issues: 1e-5, small mouths first, scores clamped; batch and pairs are ours',
  },
} satisfies Record<string, TrainingPreset>;

/**
 * The preset that a name means for a network.
 *
 * @throws TypeError where the network cannot be trained so: `contrast` and `thesis` need embeddings with a cosine.
 * @example
 * presetFor('published', 'syncnet').loss; // 'distance'
 */
export function presetFor(preset: ExpertPreset, network: TrainedNetworkName = 'avalignnet'): TrainingPreset {
  if (preset === 'published') return TRAINING_PRESETS[network === 'avalignnet' ? 'thesis' : network];
  if (network === 'syncnet' || network === 'dinet')
    fail(TypeError, 'trainExpert', 'preset', `published for ${network}, whose pairs have no cosine`, preset);
  return TRAINING_PRESETS[preset];
}
