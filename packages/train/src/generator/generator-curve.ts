import { binned, type ChartLine, lineChart } from '../run/line-chart';
import type { GeneratorStepReport } from './generator-trainer';
import type { GeneratorCheck } from './generator-validation';

/** One line of the log of a generator's training. */
export type GeneratorLogEntry = GeneratorStepReport & {
  step: number;
  learningRate: number;
  framesPerSec: number;
  /** At the steps where it was measured. */
  validation?: GeneratorCheck;
};

/**
 * The curve of a generator's training as an SVG document: losses, PSNR of the mouth, and the expert's cosine of
 * generated mouths between that of true mouths (the ceiling) and that of generated ones with other audio.
 *
 * @throws RangeError if there is no entry.
 */
export function generatorCurve(log: readonly GeneratorLogEntry[], title: string): string {
  if (log.length === 0) throw new RangeError('generatorCurve: log must have at least one entry, got none');
  const loss = (name: keyof GeneratorStepReport & string, label: string, colour: string): ChartLine => ({
    name: label,
    colour,
    points: binned(log, (entry) => entry[name]),
  });
  const checks = (name: string, colour: string, pick: (check: GeneratorCheck) => number | undefined): ChartLine => ({
    name,
    colour,
    points: log.flatMap(({ step, validation }): [number, number][] => {
      const value = validation && pick(validation);
      return value === undefined ? [] : [[step, value]];
    }),
  });
  const on = log.find(({ validation }) => validation)?.validation?.on ?? 'held-out';
  return lineChart({
    title,
    panels: [
      { label: 'frames', series: [loss('image', 'squared error', '#1f5fa8')] },
      { label: 'features of VGG-19', series: [loss('perceptual', 'distance', '#1f5fa8')] },
      {
        label: 'adversarial',
        series: [
          loss('gan', 'generator', '#1f5fa8'),
          loss('frameDiscriminator', 'of frames', '#b3402a'),
          loss('clipDiscriminator', 'of clips', '#6b3fa0'),
        ],
      },
      { label: 'sync loss, training', series: [loss('sync', '(cosine - 1)²', '#1f5fa8')] },
      { label: `PSNR of the mouth, dB, ${on} clips`, series: [checks('generated', '#1b7f4b', ({ psnr }) => psnr)] },
      {
        label: `cosine of the expert, ${on} clips`,
        series: [
          checks('true, in sync', '#555', ({ cosine }) => cosine?.real),
          checks('generated', '#1b7f4b', ({ cosine }) => cosine?.generated),
          checks('other audio', '#b3402a', ({ cosine }) => cosine?.generatedOther),
        ],
      },
    ],
  });
}
