import { access } from 'node:fs/promises';
import { resolve } from 'node:path';
import type { MediaReader } from '@lipsync/contracts';
import { version } from '../../../package.json';
import { UsageError } from '../../terminal/command';
import type { ScoreWords } from '../score-options';
import type { ScoredFile } from '../scored-file';
import type { CropCollector } from './crop-collector';
import { writePreview } from './preview-file';
import { pageOf, writeReport } from './report-file';

/** The options that make pictures. */
export type PictureOptions = Pick<ScoreWords, 'preview' | 'report'>;

/** Refuses names of files that cannot be what the options write. */
export function assertPictureOptions(
  { preview, report }: PictureOptions,
  { files }: { files: readonly string[] },
): void {
  if (preview !== undefined && !/\.png$/i.test(preview))
    throw new UsageError(`--preview must end in .png, got ${preview}`);
  if (preview !== undefined && files.length !== 1)
    throw new UsageError(`--preview must have one VIDEO, got ${files.length}; --report has the crops of several`);
  if (report !== undefined && !/\.html?$/i.test(report))
    throw new UsageError(`--report must end in .html, got ${report}`);
}

/**
 * Whether a video that was scored before has to be scored again for its pictures: a single one for any, as the files may
 * be of another video; one of several where it has no page yet.
 */
export async function lacksPage({ report, preview }: PictureOptions, file: string, several: boolean): Promise<boolean> {
  if (!several) return report !== undefined || preview !== undefined;
  if (report === undefined) return false;
  return access(pageOf(report, file)).then(
    () => false,
    () => true,
  );
}

export type WritePicturesOptions = {
  options: ScoreWords;
  reader: MediaReader;
  /** Whether the video is one of several: the report is then an index, and each video has a page of its own. */
  several: boolean;
};

/** Writes what `--preview` and `--report` ask for about one video; returns lines for the log. */
export async function writePictures(
  score: ScoredFile,
  crops: CropCollector,
  { options, reader, several }: WritePicturesOptions,
): Promise<string[]> {
  const { preview, report } = options;
  const lines: string[] = [];
  if (preview !== undefined) lines.push(await writePreview(resolve(preview), score, crops));
  if (report !== undefined) {
    const path = several ? pageOf(report, score.file) : report;
    const facts = {
      ...{ weights: score.weights, input: score.input, settings: settingsOf(options) },
      versions: { '@lipsync/cli': version, 'Node.js': process.version },
    };
    await writeReport(resolve(path), { score, crops, reader, facts });
    if (!several) lines.push(`report: ${path}`);
  }
  return lines;
}

/** The options that a score depends on, as they stand on a command line. */
function settingsOf(options: ScoreWords): string {
  const { landmarkQuality, landmarkDetector, maxShift, edges, audioTrack, videoTrack, damage } = options;
  const { recipe, config, prefix } = options;
  const words = {
    ...{ 'landmark-quality': landmarkQuality, 'landmark-detector': landmarkDetector, damage },
    ...{ 'max-shift': maxShift, edges, 'audio-track': audioTrack, 'video-track': videoTrack, recipe, config, prefix },
  };
  return Object.entries(words)
    .flatMap(([name, value]) => (value === undefined ? [] : [`--${name} ${value}`]))
    .join(' ');
}
