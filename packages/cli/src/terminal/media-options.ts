import { access, constants, stat } from 'node:fs/promises';
import type { Command, OptionValues } from '@commander-js/extra-typings';
import { MediaError } from '@lipsync/contracts';
import type { OpenMediaOptions } from '@lipsync/media';
import { choice, UsageError, wholeNumber } from './command';

// Options of all commands that read videos or audio files, and usage errors for arguments that are no such file.

const GROUP = 'Reading videos:';

export const audioTrackOption = (of = 'file') =>
  wholeNumber(
    '--audio-track <n>',
    `which of the audio tracks of a ${of} is read, from 0 (default: the one marked as default, or else the first; silent ones last)`,
  ).helpGroup(GROUP);

const videoTrackOption = (of: string) =>
  wholeNumber(
    '--video-track <n>',
    `which of the video tracks of a ${of} is read, from 0 (default: the one marked as default, or else the first; still pictures last)`,
  ).helpGroup(GROUP);

export const damageOption = () =>
  choice(
    '--damage <name>',
    'files that are damaged or cut short: refuse them, or conceal, which takes what there is and says how much is missing',
    ['refuse', 'conceal'],
  )
    .default('refuse' as const)
    .helpGroup(GROUP);

/**
 * Adds the options of a command that reads videos.
 *
 * @param of what the audio and the video are read from, in the words of the help. Default `file`.
 */
export function addReadingOptions<Args extends unknown[], Opts extends OptionValues, Global extends OptionValues>(
  command: Command<Args, Opts, Global>,
  { audio = 'file', video = 'file' } = {},
) {
  return command.addOption(audioTrackOption(audio)).addOption(videoTrackOption(video)).addOption(damageOption());
}

/** What these options set of a reader. */
export function readingOptions({
  audioTrack,
  videoTrack,
  damage,
}: {
  audioTrack?: number;
  videoTrack?: number;
  damage?: 'refuse' | 'conceal';
}): OpenMediaOptions {
  return {
    ...(audioTrack === undefined ? {} : { audioTrack }),
    ...(videoTrack === undefined ? {} : { videoTrack }),
    ...(damage === undefined ? {} : { damage }),
  };
}

/** How a reason begins that is about damage: see `MediaError`. */
const DAMAGE = /^(?:broken: )?(?:damaged |the file ends in the middle)/;

/** A reason for which a file was not read, with the option that reads it all the same. */
export const withDamageHint = (reason: string) =>
  DAMAGE.test(reason) ? `${reason} (--damage conceal takes what there is)` : reason;

/** A reader's error as a sentence; undefined for other errors. */
export function mediaSentence(error: unknown): string | undefined {
  return error instanceof MediaError ? withDamageHint(error.detail) : undefined;
}

/**
 * Refuses arguments that are no files, all of them in one error, before anything is started.
 *
 * @param name of the argument in the help, such as `VIDEO`.
 */
export async function assertFiles(name: string, paths: readonly string[]): Promise<void> {
  await assertInputs(name, paths, { rule: 'a file', folders: false });
}

/** Refuses an argument that is neither a folder nor a file. */
export async function assertFolderOrFile(name: string, path: string): Promise<void> {
  await assertInputs(name, [path], { rule: 'a folder of videos, or one video', folders: true });
}

/** Refuses what is no folder. */
export async function assertFolder(name: string, path: string): Promise<void> {
  const entry = await stat(path).catch(() => undefined);
  if (!entry?.isDirectory())
    throw new UsageError(
      `${name} must be a folder, got ${path}: ${entry ? 'that is a file' : 'there is no such folder'}`,
    );
}

async function assertInputs(
  name: string,
  paths: readonly string[],
  { rule, folders }: { rule: string; folders: boolean },
): Promise<void> {
  const wrong: string[] = [];
  for (const path of paths) {
    const reason = await reasonAgainst(path, folders);
    if (reason !== undefined) wrong.push(`${name} must be ${rule}, got ${path === '' ? '""' : path}: ${reason}`);
  }
  if (wrong.length > 0) throw new UsageError(shortened(wrong).join('\n'));
}

/** At most ten lines of a message, and how many there are more. */
export function shortened(lines: readonly string[]): string[] {
  const shown = lines.slice(0, 10);
  return lines.length > shown.length ? [...shown, `and ${lines.length - shown.length} more`] : shown;
}

/** Why a path is no file that can be read; undefined where it is one. */
export function whyNoFile(path: string): Promise<string | undefined> {
  return reasonAgainst(path, false);
}

/** Why a path cannot be read; undefined where it can. */
async function reasonAgainst(path: string, folders: boolean): Promise<string | undefined> {
  if (path === '') return 'it is empty';
  if (/^(-|\/dev\/(stdin|fd\/0)|pipe:\d*)$/.test(path))
    return 'standard input cannot be read, because a video is read more than once; save it to a file first';
  const entry = await stat(path).catch((error: NodeJS.ErrnoException) => error);
  if (entry instanceof Error) {
    const scheme = /^([a-z][a-z0-9+.-]*):\/\//i.exec(path)?.[1].toLowerCase();
    if (scheme === 'file') return 'that is an address; give the path alone';
    if (scheme !== undefined) return 'that is an address, and nothing is downloaded; save it to a file first';
    if (entry.code === 'ENOENT' || entry.code === 'ENOTDIR') return 'there is no such file';
    return entry.code === 'EACCES' ? 'permission denied' : `it cannot be opened (${entry.code})`;
  }
  if (entry.isDirectory()) {
    return folders ? undefined : `that is a folder; name the files in it, such as ${path.replace(/[\\/]+$/, '')}/*.mp4`;
  }
  if (!entry.isFile()) return 'that is a pipe or a device; save it to a file first';
  const denied = await access(path, constants.R_OK).catch(() => true);
  return denied ? 'permission denied' : undefined;
}
