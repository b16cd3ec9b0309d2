import { createHash } from 'node:crypto';
import { mkdir, stat } from 'node:fs/promises';
import { basename, dirname, extname, join, relative, resolve } from 'node:path';
import { writeFileAtomic } from '@lipsync/checkpoints';
import type { MediaReader } from '@lipsync/contracts';
import type { VideoScore } from '@lipsync/score';
import { type IndexEntry, scoreIndexPage } from '../../report/score-page/score-index-page';
import { type ReportFacts, scoreReportPage } from '../../report/score-page/score-report-page';
import type { CropCollector } from './crop-collector';
import { scorePictures } from './score-pictures';

/** Of a video's name in that of its page: file systems take 255 bytes in all, with what is put around it while it is written. */
const LONGEST_NAME = 100;

/**
 * The page of one of several videos: in a folder beside the index, by the video's name and the hash of its path, so that
 * two videos of one name have two pages and the same line writes the same files.
 *
 * A page a video, not one for all: two hundred videos have some 80 MB of pictures, a page of one opens at once, can be
 * sent alone, and is there as soon as its video is scored.
 */
export function pageOf(report: string, video: string): string {
  const folder = join(dirname(report), `${basename(report, extname(report))}-videos`);
  const hash = createHash('sha256').update(video).digest('hex').slice(0, 8);
  return join(
    folder,
    `${basename(video)
      .replace(/[^\w.-]/g, '_')
      .slice(0, LONGEST_NAME)}-${hash}.html`,
  );
}

export type WriteReportOptions = {
  score: VideoScore;
  crops: CropCollector;
  /** Reads the video once more for its pictures. */
  reader: MediaReader;
  facts: ReportFacts;
};

/** Writes the page of one video; its folder is made where it does not exist. */
export async function writeReport(path: string, { score, crops, reader, facts }: WriteReportOptions): Promise<void> {
  const pictures = await scorePictures({ ...score, file: resolve(score.file) }, crops, reader);
  await mkdir(dirname(path), { recursive: true });
  await writeFileAtomic(path, scoreReportPage(score, pictures, facts));
}

/** Writes the index of several videos, with links to those pages that there are. */
export async function writeReportIndex(path: string, scores: readonly VideoScore[]): Promise<void> {
  const entries: IndexEntry[] = [];
  for (const score of scores) {
    const page = pageOf(path, score.file);
    const there = await stat(page).catch(() => undefined);
    const address = relative(dirname(path), page).split(/[\\/]/).map(encodeURIComponent).join('/');
    entries.push({ score, ...(there ? { page: address } : {}) });
  }
  await mkdir(dirname(path), { recursive: true });
  await writeFileAtomic(path, scoreIndexPage(`Lip sync of ${scores.length} videos`, entries));
}
