import { REFERENCE_GENERATOR, type ReferenceGeneratorConfig } from '../network/config';
import type { ReferenceSelection } from '../references/select-references';

/** Published figures of LRS2's test set; scales depend on networks that are not published. */
export type TableFigures = {
  /** Mean of `-log d` of the expert; lower is better. */
  expert: number;
  /** Perceptual distance of VGG-16; lower is better. */
  perceptual?: number;
  /** PSNR inside the mask, dB. */
  maskedPsnr?: number;
  /** Variance of the Laplacian inside the mask, of values 0..255; higher is sharper. */
  sharpness?: number;
};

/** A row of the coursework's Table 4.1. */
export type TableRow = {
  /** Short, for commands and files. */
  name: string;
  /** What is measured: this generator with a configuration, the real frames, or Wav2Lip (`@lipsync/wav2lip`). */
  kind: 'reference attention' | 'real' | 'wav2lip';
  /** How references are chosen, and the network; absent for the rows of other kinds. */
  setup?: {
    selection: ReferenceSelection;
    config: ReferenceGeneratorConfig;
    /** `second`: the first stage, then the second with the discriminator. */
    lastStage: 'first' | 'second';
  };
  published: TableFigures;
};

/** The network without the parts that the table switches on: an average of the references, plain blocks. */
const PLAIN: ReferenceGeneratorConfig = Object.freeze({
  ...REFERENCE_GENERATOR,
  residual: false,
  attention: 'average',
  audioSkips: false,
  maskHead: false,
});
const ATTENTION: ReferenceGeneratorConfig = Object.freeze({ ...PLAIN, residual: true, attention: 'scaled' });
const SKIPS: ReferenceGeneratorConfig = Object.freeze({ ...ATTENTION, audioSkips: true });
const MASK: ReferenceGeneratorConfig = Object.freeze({ ...SKIPS, maskHead: true });

type Figures = [expert: number, perceptual: number, maskedPsnr: number, sharpness: number];

function row(
  name: string,
  [expert, perceptual, maskedPsnr, sharpness]: Figures,
  setup: Omit<NonNullable<TableRow['setup']>, 'lastStage'> & { lastStage?: 'second' },
): TableRow {
  const published = { expert, perceptual, maskedPsnr, sharpness };
  return { name, kind: 'reference attention', setup: { lastStage: 'first', ...setup }, published };
}

const ONE = { ...PLAIN, references: 1 };
const FILLED = 'k-means, augmented';

/**
 * The ten rows of the coursework's Table 4.1: eight configurations of this generator (four choices of references; then, one
 * after the other, attention with residual blocks, audio skips, mask, discriminator), the real frames and Wav2Lip. What the table does not switch (coordinates, late skips, size) is as in
 * `REFERENCE_GENERATOR`; spread another `width` over a row's config for CPUs.
 *
 * @example
 * const { setup } = TABLE_4_1.find(({ name }) => name === 'mask')!;
 * const net = new ReferenceGenerator({ ...setup!.config, width: 4 }, { seed: 0 });
 */
export const TABLE_4_1: readonly TableRow[] = Object.freeze([
  row('random', [0.833, 35.5, 13.7, 66.2], { selection: 'random', config: ONE }),
  row('near', [0.82, 35.1, 13.5, 66.8], { selection: 'near', config: ONE }),
  row('k-means', [0.818, 34.4, 13.8, 66.4], { selection: 'k-means', config: PLAIN }),
  row('k-means-augmented', [0.789, 33.6, 13.6, 69.1], { selection: FILLED, config: PLAIN }),
  row('attention', [0.753, 30.4, 14.6, 78.3], { selection: FILLED, config: ATTENTION }),
  row('audio-skips', [0.724, 29.7, 14.2, 79.5], { selection: FILLED, config: SKIPS }),
  // biome-ignore lint/suspicious/noApproximativeNumericConstant: a measured figure, not the logarithm of 2
  row('mask', [0.693, 28.1, 15.2, 86.1], { selection: FILLED, config: MASK }),
  row('gan', [0.716, 24.28, 15.44, 103.2], { selection: FILLED, config: MASK, lastStage: 'second' }),
  { name: 'real', kind: 'real', published: { expert: 0.651, sharpness: 198.3 } },
  {
    name: 'wav2lip',
    kind: 'wav2lip',
    published: { expert: 0.679, perceptual: 26.89, maskedPsnr: 15.75, sharpness: 73.42 },
  },
]);
