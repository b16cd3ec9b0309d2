import type { DataReport } from './report-figures';

/** Mean gray below which a clip counts as dark, of 255. */
export const DARK = 40;

/** Shares of clips, 0..1: lips that hardly move, dark frames, crops enlarged from fewer pixels. */
export type ReportShares = { still: number; dark: number; enlarged: number };

/** What is likely to go wrong when a network is trained on the clips. */
export function warningsOf(report: DataReport, shares: ReportShares): string[] {
  const percent = (share: number) => `${(100 * share).toFixed(share < 0.1 ? 1 : 0)} %`;
  const drops = Object.values(report.dropped).reduce((sum, count) => sum + count, 0);
  const all: [boolean, string][] = [
    [report.videos < 20, `only ${report.videos} videos: a network will learn these faces rather than lips`],
    [
      report.minutes < 30,
      `only ${report.minutes.toFixed(1)} minutes: plain cross-entropy on pairs will stay at 0.693; contrast windows of the same clip`,
    ],
    [
      report.videos > 1 && report.largestVideoShare > 0.2,
      `${percent(report.largestVideoShare)} of the frames come from one video`,
    ],
    [
      (report.offsets?.beyondTwo ?? 0) > 0.05,
      `${percent(report.offsets?.beyondTwo ?? 0)} of the clips are more than 2 frames off: training will plateau`,
    ],
    [
      (report.offsets?.unknown ?? 0) > 0.1 * report.clips,
      `the offset of ${report.offsets?.unknown} clips cannot be told: other audio, still faces, or too short`,
    ],
    [
      (report.people?.largestShare ?? 0) > 0.3,
      `${percent(report.people?.largestShare ?? 0)} of the clips show one person`,
    ],
    [
      report.people?.by === 'source' && report.videos > 1,
      'identities are unknown: people may be on both sides of the split, which makes validation optimistic',
    ],
    [report.people !== undefined && report.people.validationClips === 0, 'no clip is held for validation'],
    [
      report.labels.offSyncWithinTwo > 0.15,
      `${percent(report.labels.offSyncWithinTwo)} of off-sync pairs from any other start would be at most 2 frames off: clips are short, so set a least distance`,
    ],
    [
      report.offsets === undefined,
      'offsets are unknown: prepare with a sync network that measures them, or shifted recordings are wrong labels',
    ],
    [shares.still > 0.05, `lips hardly move in ${percent(shares.still)} of the clips`],
    [shares.dark > 0.05, `${percent(shares.dark)} of the clips are dark (mean gray below ${DARK} of 255)`],
    [
      shares.enlarged > 0.2,
      `${percent(shares.enlarged)} of the crops are enlarged from fewer pixels than they have: faces are small`,
    ],
    [drops > 0.3 * (drops + report.clips), `${drops} pieces were dropped, ${report.clips} clips were kept`],
  ];
  return all.filter(([holds]) => holds).map(([, text]) => text);
}
