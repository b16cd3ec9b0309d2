import { rmSync } from 'node:fs';
import { mkdtemp, realpath, rename, rm, stat } from 'node:fs/promises';
import { dirname, extname, join, resolve } from 'node:path';
import type { MediaReader } from '@lipsync/contracts';
import { type ShiftAudioOptions, shiftAudio } from '@lipsync/media';
import type { VideoScore } from '@lipsync/score';
import { UsageError } from '../../terminal/command';
import { endOnSignal } from '../../terminal/end-on-signal';
import { ffmpegLine } from './ffmpeg-line';
import { planFix, whyNotFixed } from './fix-plan';

const ENDINGS = ['.mp4', '.m4v', '.mov', '.mkv'];

/** Refuses an OUT of `--fix` that is the input, exists, or is no video that can be written. */
export async function assertFixPath(
  out: string,
  { files, single }: { files: readonly string[]; single: boolean },
): Promise<void> {
  if (!single) throw new UsageError(`--fix must have one VIDEO, named by itself, got ${files.length}`);
  if (!ENDINGS.includes(extname(out).toLowerCase()))
    throw new UsageError(`--fix must end in ${ENDINGS.join(', ')}, got ${out}`);
  const [input, output] = [await real(files[0]), await real(out)];
  if (input === output) throw new UsageError(`--fix must be another file than VIDEO, got ${out}`);
  if (await stat(out).catch(() => undefined)) throw new UsageError(`--fix must be a new file, got ${out}`);
  const folder = await stat(dirname(resolve(out))).catch(() => undefined);
  if (!folder?.isDirectory()) throw new UsageError(`--fix must be in a folder that exists, got ${out}`);
}

/** A path without links, as far as it exists. */
const real = (path: string) => realpath(path).catch(() => resolve(path));

export type FixVideoOptions = {
  /** The video, as the user named it, and its score. */
  score: VideoScore;
  /** How the file is read: its tracks, damage. */
  reading: Pick<ShiftAudioOptions, 'audioTrack' | 'videoTrack' | 'damage'>;
  /** Tells which tracks are read. */
  reader: Pick<MediaReader, 'probe'>;
  /** Scores a file that has one track of each kind, in the same way. */
  rescore(file: string): Promise<VideoScore>;
  /** Default 0.9. */
  minConfidence?: number;
  log(line: string): void;
};

/**
 * Writes a copy of a video whose audio is shifted by the measured offset, if the copy proves to be in sync: it is written
 * into a temporary folder beside OUT, measured again, and renamed only where it is within one frame.
 *
 * @returns whether the video is in sync now, or was before; the reason is logged where not.
 */
export async function fixVideo(out: string, options: FixVideoOptions): Promise<boolean> {
  const { score, reading, reader, rescore, minConfidence, log } = options;
  const plan = planFix(score, minConfidence);
  if (plan.kind === 'in sync') {
    log(`--fix: ${score.file} is in sync; ${out} was not written`);
    return true;
  }
  if (plan.kind === 'refused') {
    log(`--fix: nothing was written: ${plan.reason}`);
    return false;
  }
  const { face, offsetSec } = plan;
  log(
    `--fix: ${offsetSec > 0 ? 'delays' : 'advances'} the audio by ${Math.round(1000 * Math.abs(offsetSec))} ms; by ffmpeg alone:`,
  );
  log(`  ${ffmpegLine(score.file, out, { ...(await tracksOf(resolve(score.file), reader)), shiftSec: offsetSec })}`);
  const folder = await mkdtemp(join(dirname(resolve(out)), '.lipsync-fix-'));
  const temporary = join(folder, `fixed${extname(out)}`);
  const calledOff = endOnSignal(() => rmSync(folder, { recursive: true, force: true }));
  try {
    await shiftAudio(resolve(score.file), temporary, { ...reading, seconds: offsetSec });
    const after = await rescore(temporary);
    const reason = whyNotFixed(after, face);
    if (reason !== undefined) {
      log(`--fix: nothing was written: measured again, ${reason}`);
      return false;
    }
    await rename(temporary, resolve(out));
    const now = after.faces.find(({ track }) => track === face.track)!;
    log(`${out}: measured again: ${now.sentence}`);
    return true;
  } finally {
    calledOff();
    await rm(folder, { recursive: true, force: true });
  }
}

/** Which tracks of a file are read. */
async function tracksOf(file: string, reader: Pick<MediaReader, 'probe'>) {
  const { choices = [] } = await reader.probe(file);
  const track = (of: 'video' | 'audio') => choices.find(({ kind }) => kind === of)?.track;
  return { videoTrack: track('video'), audioTrack: track('audio') };
}
