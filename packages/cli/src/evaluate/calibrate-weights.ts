import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { decodeSafetensors, encodeSafetensors, openCheckpoint, writeFileAtomic } from '@lipsync/checkpoints';
import { calibrationText } from '@lipsync/contracts';
import type { SyncExpert } from '@lipsync/contracts/tensors';
import type { ClipStore } from '@lipsync/dataloader';
import { calibrateExpert, type ExpertCalibration, reliabilityChart } from '@lipsync/train';
import { UsageError } from '../terminal/command';

/** Refuses weights that have no place for a calibration. */
export async function assertCanBeCalibrated(weights: string): Promise<void> {
  const rule = '--weights must be a safetensors file for --calibrate (lipsync weights convert makes one)';
  if (weights.endsWith('.onnx')) throw new UsageError(`${rule}, got ${weights}`);
  const file = await openCheckpoint(weights);
  await file.close();
  if (file.format !== 'safetensors') throw new UsageError(`${rule}, got ${weights}, ${file.format}`);
}

type CalibrateWeightsOptions = {
  store: ClipStore;
  /** Ids of the validation clips. */
  clips: readonly string[];
  /** The weights file, and the copy with the calibration. */
  weights: string;
  out: string;
  seed: number;
  onClip: (done: number) => void;
};

/** Fits a calibration, writes it into a copy of the weights, and draws its reliability diagram beside that. */
export async function calibrateWeights(
  expert: SyncExpert,
  { store, weights, out, ...options }: CalibrateWeightsOptions,
): Promise<{ fit: ExpertCalibration; chart: string }> {
  const fit = await calibrateExpert(expert, store, options);
  const { tensors, metadata } = decodeSafetensors(await readFile(weights));
  const calibration = calibrationText(fit.calibration);
  await writeFileAtomic(resolve(out), encodeSafetensors(tensors, { ...metadata, calibration }));
  const chart = `${out.replace(/\.safetensors$/, '')}.reliability.svg`;
  await writeFileAtomic(resolve(chart), reliabilityChart(fit.reliability, expert.name));
  return { fit, chart };
}

/** A calibration in lines: how far its confidence holds, and which answers there are at which length. */
export function describeCalibration({ calibration, reliability, clips, people, unknown }: ExpertCalibration): string {
  const percent = (share: number) => `${(100 * share).toFixed(1)} %`;
  const cells = (...columns: string[]) => ` ${columns.map((column) => column.padStart(12)).join('')}`;
  const { bins, groups, expectedCalibrationError, otherAnswered, trueRefused, offBy3 } = reliability;
  const refused = trueRefused === undefined ? '' : `; right audio of 3 s and more has none in ${percent(trueRefused)}`;
  return [
    `${clips} clips of ${people} people (${unknown.length} clips of unknown offset), measured on people outside the fit`,
    `expected calibration error ${expectedCalibrationError.toFixed(4)}`,
    cells('confidence', 'cases', 'mean', 'right'),
    ...bins.map(({ from, to, cases, meanConfidence, shareRight }) =>
      cells(`${from.toFixed(1)}-${to.toFixed(1)}`, `${cases}`, meanConfidence.toFixed(3), shareRight.toFixed(3)),
    ),
    `an answer needs a confidence of ${calibration.least}: other audio has one in ${percent(otherAnswered)}${refused}`,
    cells('length', 'error', 'right', 'wrong', 'no answer', 'other audio'),
    ...groups.map(({ group, expectedCalibrationError: error, true: own, other }) =>
      cells(
        ...[group, error.toFixed(3)],
        ...(own ? [own.right, own.wrong, own.refused].map(percent) : ['-', '-', '-']),
        other ? percent(other.answered) : '-',
      ),
    ),
    ...(offBy3
      ? (['atOnePercent', 'atFivePercent'] as const).map((name) => {
          const { falseAlarms, found } = offBy3[name];
          const rate = name === 'atOnePercent' ? '1 %' : '5 %';
          return `off by 3 frames or more, at ${rate}: false alarms ${percent(falseAlarms)}, found ${percent(found)}`;
        })
      : []),
  ].join('\n');
}
