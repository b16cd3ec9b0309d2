import { readdir, readFile, stat } from 'node:fs/promises';
import { basename, extname, join } from 'node:path';
import { listVideos } from '@lipsync/dataloader';
import { parseLandmarkFile, parseOpenFaceCsv, smoothTrack } from '@lipsync/face-crop';
import { type KeyPoints, parseOpenPoseFaces } from '@lipsync/portraits';
import { UsageError } from '../../../terminal/command';
import { whyNoFile } from '../../../terminal/media-options';
import { type LandmarkMaker, landmarkText } from '../landmarks/landmark-cache';

/** Key points of one recording. */
export type KeyPointClip = {
  name: string;
  /** The video that they were found in; undefined for files of key points. */
  video?: string;
  /** Frames of the recording, of which those before and after `firstFrame` and `points` do not show the face. */
  frameCount: number;
  firstFrame: number;
  keyPoints: KeyPoints;
};

/** Recordings, and those that show no face. */
type KeyPointClips = { clips: KeyPointClip[]; faceless: string[] };

/** One recording, before its key points are read or found. */
type Source = { name: string; kind: 'video' | 'landmarks' | 'openface' | 'openpose'; files: string[] };

const OPENPOSE = /^(.*?)_?(\d+)_keypoints\.json$/;

/**
 * The recordings that a word names: a video, a folder of videos, a landmark file (JSON), OpenFace's table (CSV), or a folder
 * of OpenPose's JSON files.
 *
 * @param argument name of the argument, for errors.
 * @throws UsageError for a word that names none of these.
 */
export async function sourcesOf(argument: string, word: string): Promise<Source[]> {
  const entry = await stat(word).catch(() => undefined);
  if (entry?.isDirectory()) {
    const posed = openPoseSources(word, await readdir(word));
    if (posed.length > 0) return posed;
    const { sources } = await listVideos(word).catch(() => ({ sources: [] as string[] }));
    if (sources.length === 0)
      throw new UsageError(`${argument} must be a folder with videos or files of OpenPose, got ${word}: it has none`);
    return sources.map((source) => ({ name: source, kind: 'video', files: [join(word, source)] }));
  }
  const reason = await whyNoFile(word);
  if (reason !== undefined) throw new UsageError(`${argument} must be a file or a folder, got ${word}: ${reason}`);
  const kind = ({ '.json': 'landmarks', '.csv': 'openface' } as const)[extname(word).toLowerCase()] ?? 'video';
  return [{ name: basename(word), kind, files: [word] }];
}

/** Files of one recording have one name before their number. */
function openPoseSources(folder: string, names: readonly string[]): Source[] {
  const recordings = new Map<string, [number, string][]>();
  for (const name of names) {
    const [, recording, number] = OPENPOSE.exec(name) ?? [];
    if (number === undefined) continue;
    const files = recordings.get(recording) ?? [];
    files.push([Number(number), join(folder, name)]);
    recordings.set(recording, files);
  }
  return [...recordings]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, files]) => {
      const sorted = files.sort(([a], [b]) => a - b).map(([, file]) => file);
      return { name: name || basename(folder), kind: 'openpose', files: sorted };
    });
}

/** Reads or finds the key points of recordings; the longest run of frames that show the face counts. */
export async function readClips(
  sources: readonly Source[],
  maker: LandmarkMaker,
  onClip: (done: number, name: string) => void,
): Promise<KeyPointClips> {
  const [clips, faceless]: [KeyPointClip[], string[]] = [[], []];
  for (const [i, source] of sources.entries()) {
    onClip(i, source.name);
    const clip = await readClip(source, maker);
    if (clip) clips.push(clip);
    else faceless.push(source.name);
  }
  onClip(sources.length, '');
  return { clips, faceless };
}

async function readClip({ name, kind, files }: Source, maker: LandmarkMaker): Promise<KeyPointClip | undefined> {
  if (kind === 'openpose') {
    const texts = await Promise.all(files.map((file) => readFile(file, 'utf8')));
    const tracks = named(files[0], () => parseOpenPoseFaces(texts));
    const track = longest(tracks);
    return track && { name, frameCount: texts.length, firstFrame: track.firstFrame, keyPoints: track };
  }
  const [file] = files;
  const text =
    kind === 'video' ? await landmarkText(file, name.replace(/[\\/]/g, '__'), maker) : await readFile(file, 'utf8');
  const tracks = named(file, () => (kind === 'openface' ? parseOpenFaceCsv(text) : parseLandmarkFile(text)));
  const track = longest(tracks);
  if (!track) return undefined;
  const listed = kind === 'openface' ? 0 : (JSON.parse(text) as { frames: unknown[] }).frames.length;
  const frameCount = Math.max(listed, track.firstFrame + track.frameCount);
  const { points } = smoothTrack(track);
  return {
    ...{ name, frameCount, firstFrame: track.firstFrame },
    ...{ video: kind === 'video' ? file : undefined, keyPoints: { points, frameCount: track.frameCount } },
  };
}

function longest<T extends { frameCount: number }>(tracks: readonly T[]): T | undefined {
  return tracks.reduce<T | undefined>(
    (best, track) => (best && best.frameCount >= track.frameCount ? best : track),
    undefined,
  );
}

/** Runs a parser; its errors name the file. */
function named<T>(file: string, parse: () => T): T {
  try {
    return parse();
  } catch (error) {
    throw new UsageError(`${file}: ${(error as Error).message}`, { cause: error });
  }
}

/** The first 68 of 70 points: what all kinds of key points have. */
export function withoutPupils(clip: KeyPointClip): KeyPointClip {
  const { points, frameCount } = clip.keyPoints;
  if (points.length === frameCount * 136) return clip;
  return { ...clip, keyPoints: { frameCount, points: points.filter((_, i) => i % 140 < 136) } };
}
