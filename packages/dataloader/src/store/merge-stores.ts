import { copyFile, link, mkdir, rename, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { fail } from '@lipsync/contracts';
import { detectLayout, type LayoutName } from '../layouts/layouts';
import { splitOptions, splitStore } from '../split/split-store';
import { isPresentClipFile } from './clip-file';
import { ClipStore } from './clip-store';
import { describeDifferences, type StoreDifference, storeDifferences } from './store-differences';
import type { StoreSplit, StoreSummary } from './store-records';

export type MergeOptions = {
  /** Share of clips to hold for validation. Default 0.15. */
  validationShare?: number;
  /** Seed of the train/validation split. Default 0. */
  seed?: number;
  /** Layout of the videos' folder. Default `auto`: detected from the paths. */
  layout?: LayoutName | 'auto';
  /**
   * Settings in which the parts may differ: `landmarkQuality`, `landmarkDetector`, `identify`, `expert`, and values of
   * the preparation that decide which clips are kept, such as `preparation.minFrames` or `preparation.gates.minVoiced`;
   * a name stands for all below it. Default none.
   */
  allowDifferent?: readonly string[];
  /** Called with a line about each part. */
  log?: (line: string) => void;
};

/**
 * Settings that may differ between parts: clips made with either value train together. What is not among them changes
 * the meaning of the data (the crop, the features, the logits, how far the audio may be off).
 */
const HARMLESS = [
  'landmarkQuality',
  'landmarkDetector',
  'identify',
  'expert',
  'preparation.shots',
  'preparation.shotThreshold',
  'preparation.faces',
  'preparation.minFrames',
  'preparation.segmentSec',
  'preparation.minSegmentSec',
  'preparation.silencePeak',
  'preparation.gates',
];

/**
 * Completes a preparation that was done in parts: collects the clips of other stores in one, counts them, splits them
 * by people and writes the manifest.
 *
 * Parts on the same disk are linked, others copied, under a temporary name first; a merge that was stopped resumes.
 * Parts of an earlier version are written in the present format. A video that several parts have done must have the
 * same clips in all.
 *
 * @param into a store, or a folder where one is made.
 * @param parts stores made with the same settings; none where all machines wrote into one folder.
 * @throws Error for a part with other settings (it lists each, both values, and which of them `allowDifferent` may
 *   name) or with other clips of the same video; RangeError for a name in `allowDifferent` that may not differ.
 * @example
 * import { mergeStores } from '@lipsync/dataloader';
 * const { summary } = await mergeStores('clips', ['part-0', 'part-1'], { allowDifferent: ['landmarkQuality'] });
 */
export async function mergeStores(
  into: string,
  parts: string[],
  options: MergeOptions = {},
): Promise<{ summary: StoreSummary; split?: StoreSplit }> {
  const { layout = 'auto', allowDifferent = [], log = () => {} } = options;
  for (const name of allowDifferent) {
    if (!HARMLESS.some((harmless) => within(name, harmless)))
      fail(RangeError, 'mergeStores', 'allowDifferent', `of ${HARMLESS.join(', ')}`, name);
  }
  const stores = await Promise.all(parts.map((part) => ClipStore.open(part)));
  const mixed = new Set<string>(stores.flatMap(({ settings }) => (settings.mixed as string[] | undefined) ?? []));
  for (const store of stores.slice(1)) {
    for (const name of differingSettings(stores[0], store, allowDifferent)) mixed.add(name);
  }
  let target: ClipStore | undefined;
  if (stores.length > 0) {
    const { recipe, settings } = stores[0];
    // What the parts differ in is recorded; the values are those of the first.
    target = await ClipStore.create(
      into,
      recipe,
      mixed.size > 0 ? { ...settings, mixed: [...mixed].sort() } : settings,
    );
    for (const store of stores) log(`${await take(store, target)} videos of ${store.folder}`);
  }
  target ??= await ClipStore.open(into);
  const sources = (await target.sources()).map(({ source }) => source);
  const split = await splitStore(target, splitOptions(options, layout === 'auto' ? detectLayout(sources) : layout));
  return { summary: await target.finish(split), split };
}

/** Whether a dotted name is another, or below it. */
const within = (name: string, parent: string) => name === parent || name.startsWith(`${parent}.`);

/** Names of the settings in which a part differs from the first; fails where one of them may not. */
function differingSettings(first: ClipStore, part: ClipStore, allowed: readonly string[]): string[] {
  const headerOf = ({ recipe, settings }: ClipStore) => ({ ...recipe, settings: { ...settings, mixed: undefined } });
  const differences = storeDifferences(headerOf(first), headerOf(part)).map((difference) => ({
    ...difference,
    name: difference.name.replace(/^settings\./, ''),
  }));
  const refused = differences.filter(({ name }) => !allowed.some((parent) => within(name, parent)));
  if (refused.length > 0) {
    const rule = `made as ${first.folder} (${describeDifferences(refused, 'first')})`;
    const got = `${describeDifferences(refused, 'second')}; ${adviceOn(refused)}`;
    fail(Error, 'mergeStores', `part ${part.folder}`, rule, got);
  }
  return differences.map(({ name }) => name);
}

function adviceOn(refused: StoreDifference[]): string {
  const isHarmless = (name: string) => HARMLESS.some((harmless) => within(name, harmless));
  const harmless = refused.filter(({ name }) => isHarmless(name)).map(({ name }) => `'${name}'`);
  const others = refused.filter(({ name }) => !isHarmless(name)).map(({ name }) => name);
  return [
    ...(harmless.length > 0 ? [`harmless, allowed by allowDifferent: [${harmless.join(', ')}]`] : []),
    ...(others.length > 0
      ? [`not harmless: ${others.join(', ')}; prepare these videos again with the same values`]
      : []),
  ].join('; ');
}

/** Brings the clips and drops of a part into a store; returns the number of videos that were not there before. */
async function take(part: ClipStore, into: ClipStore): Promise<number> {
  let taken = 0;
  for (const record of await part.sources()) {
    const before = await into.source(record.source);
    if (before && JSON.stringify(before) !== JSON.stringify(record)) {
      fail(Error, 'mergeStores', record.source, 'the same in all parts', `other clips in ${part.folder}`);
    }
    if (before) continue;
    for (const id of record.clips) {
      if (await isPresentClipFile(part.clipPath(id), id)) await linkOrCopy(part.clipPath(id), into.clipPath(id));
      else await into.write(await part.read(id));
    }
    for (const drop of record.dropped) await into.drop(drop);
    await into.finishSource(record);
    taken++;
  }
  return taken;
}

/** A file under another name: linked where that is possible, else copied. */
async function linkOrCopy(from: string, to: string): Promise<void> {
  await mkdir(dirname(to), { recursive: true });
  const temporary = join(dirname(to), `.${basename(to).slice(-100)}.${process.pid}.tmp`);
  await rm(temporary, { force: true });
  await link(from, temporary).catch(() => copyFile(from, temporary));
  await rename(temporary, to);
  await rm(temporary, { force: true }); // where both names were the same file already, rename does nothing
}
