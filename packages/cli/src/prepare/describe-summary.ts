import type { StoreSplit, StoreSummary } from '@lipsync/dataloader';
import { log } from '../terminal/output';

/** The summary of a preparation, as `--json` prints it. */
export type PrepareReport = StoreSummary & {
  seconds: number;
  /** Seconds of clips per second of work, of a run that prepared all of them. */
  realTimeFactor: number;
  people?: { by: StoreSplit['by']; count: number; validationClips: number };
};

/** Logs what a store holds and how it is split by people. */
export function describeSummary(
  { sources, clips, minutes, dropped }: StoreSummary,
  split: StoreSplit | undefined,
): PrepareReport['people'] {
  const drops = Object.entries(dropped).map(([reason, count]) => `${count} ${reason}`);
  log(`${clips} clips of ${sources} videos, ${minutes.toFixed(1)} minutes; dropped: ${drops.join(', ') || 'none'}`);
  if (!split) return undefined;
  const entries = Object.values(split.clips);
  const count = new Set(entries.map(({ identity }) => identity)).size;
  const validationClips = entries.filter((entry) => entry.split === 'validation').length;
  const how = { label: 'by labels', face: 'by face identity clustering', source: 'each video counted as one' }[
    split.by
  ];
  log(`${count} people (${how}); ${validationClips} clips for validation`);
  return { by: split.by, count, validationClips };
}
