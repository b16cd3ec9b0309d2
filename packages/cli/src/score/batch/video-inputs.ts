import { readFile, stat } from 'node:fs/promises';
import { isAbsolute, join, resolve } from 'node:path';
import { listVideos } from '@lipsync/dataloader';
import { glob, isDynamicPattern } from 'tinyglobby';
import { UsageError } from '../../terminal/command';
import { shortened, whyNoFile } from '../../terminal/media-options';

/** The videos that a command line names, in order, each once. */
export type VideoInputs = {
  files: string[];
  /** Whether it names one video, and nothing that could name more. */
  single: boolean;
};

const windows = process.platform === 'win32';

/**
 * The videos that words name: files, folders (the videos in them, at any depth), patterns for shells that leave them as
 * they are, and `-` for names on standard input. A file that is called like a pattern is that file.
 *
 * Words that name nothing are refused, all in one error, before anything is started. Names in a list or on standard
 * input are taken as they are: one that cannot be read is an input without a score.
 *
 * @param list file with names, one a line, or separated by zero bytes.
 * @param stdin reads the names on standard input; for tests.
 */
export async function videoInputs(
  words: readonly string[],
  { list, stdin = readStdin }: { list?: string; stdin?: () => Promise<string> } = {},
): Promise<VideoInputs> {
  if (words.length === 0 && list === undefined)
    throw new UsageError('VIDEO must be a file, a folder, a pattern, or - for names on standard input, got none');
  const found: string[] = [];
  const wrong: string[] = [];
  for (const word of words) {
    const named = word === '-' ? namesIn(await stdin()) : await filesOf(word);
    if (typeof named === 'string') wrong.push(named);
    else found.push(...named);
  }
  if (list !== undefined) found.push(...(await namesInFile(list)));
  if (wrong.length > 0) throw new UsageError(shortened(wrong).join('\n'));
  const files = [...new Map(found.map((file) => [resolve(file), file])).values()];
  if (files.length === 0) throw new UsageError('VIDEO must name at least one video, got an empty list');
  return { files, single: words.length === 1 && list === undefined && files[0] === words[0] };
}

/** The videos of a word, or what is wrong with it. */
async function filesOf(word: string): Promise<string[] | string> {
  const entry = await stat(word).catch(() => undefined);
  if (entry?.isDirectory()) {
    const { sources } = await listVideos(word).catch(() => ({ sources: [] }));
    return sources.length > 0
      ? sources.map((source) => join(word, source))
      : `VIDEO must be a folder with videos, got ${word}: it has none`;
  }
  const pattern = windows ? word.replaceAll('\\', '/') : word;
  if (!entry && !isAddress(word) && isDynamicPattern(pattern)) {
    const files = await glob(pattern, {
      absolute: isAbsolute(word),
      expandDirectories: false,
      caseSensitiveMatch: !windows,
    });
    return files.length > 0
      ? files.sort().map((file) => relativeTo(word, file))
      : `VIDEO must be a pattern of files, got ${word}: it matches none`;
  }
  const reason = await whyNoFile(word);
  return reason === undefined ? [word] : `VIDEO must be a file, got ${word === '' ? '""' : word}: ${reason}`;
}

const isAddress = (word: string) => /^[a-z][a-z0-9+.-]*:\/\//i.test(word);

/** `./` stays where the pattern began with it. */
const relativeTo = (pattern: string, file: string) => (/^\.[\\/]/.test(pattern) ? `./${file}` : file);

async function namesInFile(path: string): Promise<string[]> {
  const reason = await whyNoFile(path);
  if (reason !== undefined)
    throw new UsageError(`--list must be a text file with names of videos, got ${path}: ${reason}`);
  return namesIn(await readFile(path, 'utf8'));
}

/** Names separated by zero bytes, as `find -print0` writes them, or one a line. */
function namesIn(text: string): string[] {
  const names = text.includes('\0') ? text.split('\0') : text.replace(/^\uFEFF/, '').split(/\r?\n/);
  return names.filter((name) => name !== '');
}

async function readStdin(): Promise<string> {
  if (process.stdin.isTTY)
    process.stderr.write('names of videos, one a line, then the end of input (Ctrl-D; Windows: Ctrl-Z):\n');
  const pieces: Buffer[] = [];
  for await (const piece of process.stdin) pieces.push(piece as Buffer);
  return Buffer.concat(pieces).toString('utf8');
}
