import { fail } from '@lipsync/contracts';

/**
 * The generator's audio input: per-frame logits of a speech recogniser, or a window of mel steps, which a front end
 * turns into such features.
 */
export type DinetAudio =
  | {
      kind: 'logits';
      /** Values per step; 29 in the published networks. */
      bins: number;
      /** Steps, one per frame, centred on the generated frame. */
      steps: number;
    }
  | {
      kind: 'mel';
      /** Mel bands. */
      bins: number;
      /** Mel steps centred on the generated frame: 16 for 5 frames. */
      steps: number;
    };

/**
 * Sizes and choices of a generator. The network is fully convolutional: frames have any height and width that 4
 * divides.
 */
export type DinetConfig = {
  /**
   * Channels of the first convolution, half those of the next; 64 published. The trunk and the audio encoder have twice
   * as many.
   */
  width: number;
  /** Channels of the references' feature map, which AdaAT transforms: 256 published, 128 in the thesis; with `width` 64. */
  referenceChannels: number;
  /** Reference frames. 5 published. */
  references: number;
  /** Norm of the convolutions over frames. `batch` loads the published weights; `instance` as in the thesis. */
  norm: 'batch' | 'instance';
  /**
   * Norm of the convolutions over time. `layer`: over channels and steps of each sample (GroupNorm with one group).
   * `instance`: the thesis taken literally, which makes the audio features constant: see docs/decisions.
   */
  audioNorm: 'batch' | 'layer' | 'instance' | 'none';
  /**
   * Whether the alignment encoder's last convolution, whose mean encodes the head pose, is normalised like the others.
   * `plain`: it is not, as InstanceNorm just before a mean removes most of the information: see docs/decisions. Default
   * `norm`, as published.
   */
  alignmentEnd?: 'norm' | 'plain';
  /**
   * How AdaAT samples. `published`: the mixed convention of the published code, needed for its weights; `bilinear`:
   * exact, each channel by itself.
   */
  sampling: 'published' | 'bilinear';
  audio: DinetAudio;
};

/** The published network: 19,190,275 parameters. */
export const DINET: DinetConfig = Object.freeze({
  width: 64,
  referenceChannels: 256,
  references: 5,
  norm: 'batch',
  audioNorm: 'batch',
  sampling: 'published',
  audio: { kind: 'logits' as const, bins: 29, steps: 5 },
});

/**
 * The thesis's variant: AdaAT over 128 channels and InstanceNorm, except where that would remove the audio and most of
 * the head pose. The thesis taken literally: `{ ...THESIS_DINET, audioNorm: 'instance', alignmentEnd: 'norm' }`.
 */
export const THESIS_DINET: DinetConfig = Object.freeze({
  ...DINET,
  referenceChannels: 128,
  norm: 'instance',
  audioNorm: 'layer',
  alignmentEnd: 'plain',
  sampling: 'bilinear',
});

/** A quarter of the thesis's channels and a mel front end of its own: trains on two CPU cores, with nothing to download. */
export const LITE_DINET: DinetConfig = Object.freeze({
  ...THESIS_DINET,
  width: 16,
  referenceChannels: 64,
  audio: { kind: 'mel' as const, bins: 80, steps: 16 },
});

/** Refuses a configuration that is not complete; use on what comes from a file. Returns it typed. */
export function assertDinetConfig(where: string, value: unknown): DinetConfig {
  const config = value as DinetConfig;
  if (typeof config !== 'object' || config === null) fail(TypeError, where, 'config', 'an object', value);
  for (const [name, number] of Object.entries({
    width: config.width,
    referenceChannels: config.referenceChannels,
    references: config.references,
    'audio.bins': config.audio?.bins,
    'audio.steps': config.audio?.steps,
  })) {
    if (!(Number.isInteger(number) && number > 0))
      fail(RangeError, where, `config.${name}`, 'a whole number above 0', number);
  }
  const choices: [string, unknown, string[]][] = [
    ['norm', config.norm, ['batch', 'instance']],
    ['audioNorm', config.audioNorm, ['batch', 'layer', 'instance', 'none']],
    ['alignmentEnd', config.alignmentEnd ?? 'norm', ['norm', 'plain']],
    ['sampling', config.sampling, ['published', 'bilinear']],
    ['audio.kind', config.audio.kind, ['logits', 'mel']],
  ];
  for (const [name, got, allowed] of choices) {
    if (!allowed.includes(got as string)) fail(TypeError, where, `config.${name}`, allowed.join(' or '), got);
  }
  return config;
}
