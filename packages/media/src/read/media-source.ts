import { MediaError } from '@lipsync/contracts';
import type { WantedTracks } from '../check/choose-tracks';
import type { Probe } from '../check/probe';
import { probeFile } from '../check/probe';
import type { DamageSurvey } from '../check/survey-damage';
import { surveyDamage } from '../check/survey-damage';
import type { Damage } from './decode-bytes';
import type { InputFile } from './input-file';
import { inputFile } from './input-file';

/** What all methods of a reader share. */
export type MediaSource = {
  ffmpegPath: string;
  version: string;
  maxPixels: number;
  damage: Damage;
  log: (line: string) => void;
  wanted: WantedTracks;
  /** By `InputFile.version`, at most 64. */
  probes: Map<string, Promise<Probe>>;
  /** What is damaged, by `InputFile.version`, at most 64. */
  surveys: Map<string, Promise<DamageSurvey>>;
  /** Versions of files in which damage was passed over. */
  damaged: Set<string>;
};

/** Probing starts a process or two: the result is kept while the file stays the same. */
export function probeOnce(
  { ffmpegPath, maxPixels, wanted, probes }: MediaSource,
  where: string,
  file: InputFile,
  messages?: string,
): Promise<Probe> {
  return kept(probes, file, () => probeFile(ffmpegPath, file, { where, maxPixels, messages, ...wanted }));
}

/** Where a file is damaged takes a run to find out: it is kept while the file stays the same. */
export function surveyOnce(source: MediaSource, where: string, file: InputFile): Promise<DamageSurvey> {
  const { ffmpegPath, maxPixels, surveys } = source;
  return kept(surveys, file, async () =>
    surveyDamage(ffmpegPath, file, { probe: await probeOnce(source, where, file), maxPixels }),
  );
}

/** The result for this version of a file. Of 64 the oldest makes room; errors are not kept. */
function kept<Result>(
  results: Map<string, Promise<Result>>,
  { version }: InputFile,
  find: () => Promise<Result>,
): Promise<Result> {
  const known = results.get(version);
  if (known) return known;
  if (results.size >= 64) results.delete(results.keys().next().value!);
  const result = find();
  results.set(version, result);
  result.catch(() => results.delete(version));
  return result;
}

/**
 * Decodes. Where damage stops it that spoils no more than single frames, as at a join or a cut, that is concealed and
 * decoding resumes.
 */
export async function* pastDamage<Item>(
  source: MediaSource,
  { where, path }: { where: string; path: string },
  decode: (source: MediaSource) => AsyncIterable<Item>,
): AsyncGenerator<Item> {
  const { version } = await inputFile(where, path);
  const minor = source.damaged.has(version);
  let count = 0;
  try {
    for await (const item of decode(minor ? { ...source, damage: 'conceal' } : source)) {
      yield item;
      count++;
    }
    return;
  } catch (error) {
    if (minor || source.damage === 'conceal' || !(error instanceof MediaError) || error.fault !== 'damage') throw error;
    const survey = await surveyOnce(source, where, await inputFile(where, path));
    if (!survey.minor) throw new MediaError(error.message, { fault: 'damage', detail: survey.note, cause: error });
  }
  source.damaged.add(version);
  let passed = 0;
  for await (const item of decode({ ...source, damage: 'conceal' })) if (passed++ >= count) yield item;
}
