import type { CalibrationReliability } from '@lipsync/metrics';
import { type ChartPanel, lineChart } from '../run/line-chart';

/**
 * The reliability diagram of a calibration as SVG: share of right offsets over the confidence, both in percent, beside the
 * diagonal on which every confidence can be taken by its word; below it how often each confidence occurs.
 *
 * @returns an SVG document of 860 px width that any browser shows.
 * @example
 * const svg = reliabilityChart(reliability, 'expert.safetensors');
 */
export function reliabilityChart({ bins, expectedCalibrationError }: CalibrationReliability, title: string): string {
  const total = bins.reduce((sum, { cases }) => sum + cases, 0);
  const at = (value: (bin: (typeof bins)[number]) => number) =>
    bins.map((bin): [number, number] => [100 * bin.meanConfidence, value(bin)]);
  const ideal = [0, 100].map((percent): [number, number] => [percent, percent]);
  const panels: ChartPanel[] = [
    {
      label: 'offsets within one frame of the truth, %, over the confidence, %',
      series: [
        { name: 'ideal', colour: '#999999', points: ideal },
        { name: 'measured', colour: '#1f5fa8', points: at(({ shareRight }) => 100 * shareRight) },
      ],
    },
    {
      label: 'cases with this confidence, %',
      series: [{ name: 'cases', colour: '#6b3fa0', points: at(({ cases }) => (100 * cases) / total) }],
    },
  ];
  const error = `expected calibration error ${expectedCalibrationError.toFixed(3)}`;
  return lineChart({ title: `${title}: ${error}, on people whom the fit did not see`, panels });
}
