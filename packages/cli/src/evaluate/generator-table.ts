import type { GeneratorEvaluation, GeneratorFigures } from '@lipsync/train';

/** Table 3.1 of the thesis, mouth of 128 pixels. Set, crop, SSIM window and LPIPS network are not stated; LSE-D and LSE-C are SyncNet's. */
export const PUBLISHED_DINET = [
  { name: 'Wav2Lip-96', ssim: 0.9078, psnr: 29.2875, lpips: 0.0576, lseD: 8.3771, lseC: 6.8416 },
  { name: 'DINet-Wav2lip', ssim: 0.9265, psnr: 29.4812, lpips: 0.0545, lseD: 7.4523, lseC: 7.6587 },
  { name: 'DINet-AVAlignNet', ssim: 0.9382, psnr: 29.9153, lpips: 0.0315, lseD: 7.0112, lseC: 8.1345 },
  { name: 'DINet (original)', ssim: 0.9425, psnr: 30.0082, lpips: 0.0289, lseD: 6.8714, lseC: 8.2908 },
] as const;

const TITLES: Record<GeneratorFigures['of'], string> = {
  generated: 'generated',
  'copy-input': 'copy input',
  'repeat-reference': 'repeat reference',
};

/** An evaluation as a table, with the thesis's table below it for orientation. */
export function generatorTable(evaluation: GeneratorEvaluation): string {
  const { rows, experts, clips, frameCount, mouth, references, otherAudio, notes } = evaluation;
  const body = rows.map((row) => [TITLES[row.of], row.audio === 'own' ? 'own' : otherAudio, ...figuresOf(row)]);
  return [
    `${frameCount} frames of ${clips} clips, mouth ${mouth} px, ${references} references`,
    ...columns([headOf(experts.length), ...body]),
    ...legend(evaluation),
    ...notes,
    ...publishedRows(),
  ].join('\n');
}

/** One evaluated generator of several. */
type Compared = { weights: string; generator: string; evaluation: GeneratorEvaluation };

/**
 * Several generators on the same clips, a line each for their own audio and for other audio, above the two baselines;
 * with the thesis's table below it for orientation.
 */
export function comparisonTable(evaluated: readonly Compared[]): string {
  const [{ evaluation: first }] = evaluated;
  const names = evaluated.map(({ weights, generator }) => `${generator} (${weights})`);
  const generated = (audio: 'own' | 'other') =>
    evaluated.map(({ evaluation: { rows, otherAudio } }, i) => {
      const row = rows.find((one) => one.of === 'generated' && one.audio === audio)!;
      return [names[i], audio === 'own' ? 'own' : otherAudio, ...figuresOf(row)];
    });
  const baselines = first.rows
    .filter(({ of }) => of !== 'generated')
    .map((row) => [TITLES[row.of], row.audio === 'own' ? 'own' : first.otherAudio, ...figuresOf(row)]);
  const notes = new Set(evaluated.flatMap(({ evaluation }) => evaluation.notes));
  return [
    `${evaluated.length} generators on the same ${first.frameCount} frames of ${first.clips} clips, mouth ${first.mouth} px`,
    ...columns([headOf(first.experts.length), ...generated('own'), ...generated('other'), ...baselines]),
    ...legend(first),
    ...notes,
    ...publishedRows(),
  ].join('\n');
}

const number = (value: number | undefined, digits: number) =>
  value === undefined || Number.isNaN(value) ? '' : value.toFixed(digits);

/** The titles of the columns. */
function headOf(experts: number): string[] {
  const sync = Array.from({ length: experts }, (_, i) => [`LSE-D ${i + 1}`, `LSE-C ${i + 1}`, 'in sync']).flat();
  return ['', 'audio', 'SSIM', 'mouth', 'PSNR', 'mouth', 'LPIPS', 'FID', 'vL', ...sync];
}

/** The cells of a row, without its first two. */
function figuresOf(row: GeneratorFigures): string[] {
  const decibels = (value: number | undefined) => (value !== undefined && value >= 100 ? 'equal' : number(value, 2));
  return [
    number(row.ssim, 4),
    number(row.mouthSsim, 4),
    decibels(row.psnr),
    decibels(row.mouthPsnr),
    number(row.lpips, 4),
    number(row.fid, 2),
    number(row.sharpness, 1),
    ...row.sync.flatMap(({ lseD, lseC, inSync }) => [
      number(lseD, 3),
      number(lseC, 3),
      Number.isNaN(inSync) ? '' : `${Math.round(100 * inSync)} %`,
    ]),
  ];
}

/** What the columns mean, and who scored. */
function legend({ experts }: GeneratorEvaluation): string[] {
  return [
    ...experts.map(
      ({ name, weightsHash, crop, windows }, i) =>
        `${i + 1}: ${name}${weightsHash ? ` (weights ${weightsHash.slice(0, 12)})` : ''}, crop ${crop}, ${windows} windows`,
    ),
    'SSIM, PSNR, LPIPS, FID: whole face image, and its mouth box in the columns “mouth”; vL: variance of the Laplacian in the mouth box; in sync: share of clips whose offset is within 1 frame',
  ];
}

/** The thesis's table. */
function publishedRows(): string[] {
  const published = PUBLISHED_DINET.map(({ name, ssim, psnr, lpips, lseD, lseC }) => {
    const images = [number(ssim, 4), '', number(psnr, 2), '', number(lpips, 4), '', ''];
    return [name, '', ...images, number(lseD, 4), number(lseC, 4)];
  });
  return [
    '',
    'for orientation only, published on other data, mouth 128 px, LSE of SyncNet (thesis, Table 3.1): not comparable with the rows above',
    ...columns([['', '', 'SSIM', '', 'PSNR', '', 'LPIPS', '', '', 'LSE-D', 'LSE-C'], ...published]),
  ];
}

/** Lines of cells, each column as wide as its widest cell; the first two are aligned left. */
function columns(lines: string[][]): string[] {
  const widths = lines[0].map((_, i) => Math.max(...lines.map((line) => line[i]?.length ?? 0)));
  return lines.map((line) =>
    line
      .flatMap((cell, i) => (widths[i] === 0 ? [] : [i < 2 ? cell.padEnd(widths[i]) : cell.padStart(widths[i])]))
      .join('  ')
      .trimEnd(),
  );
}
