import { fail } from '@lipsync/contracts';

/** The parts of a clip's id. */
export type ClipAddress = {
  /** Path of the video relative to the input folder, with its extension, `/` between folders. */
  source: string;
  /** Face track in the video. */
  track: number;
  /** Segment of the track. */
  segment: number;
};

/**
 * The canonical form of a video's path relative to the input folder: `/` between folders, nothing to resolve. On
 * Windows `\\` becomes `/`; elsewhere it is a character of the name.
 *
 * @throws RangeError for an absolute path, one that leaves the folder, and an empty one.
 * @example
 * sourceName('./speaker 1/a.mp4'); // 'speaker 1/a.mp4'
 */
export function sourceName(relativePath: string): string {
  const windows = typeof process !== 'undefined' && process.platform === 'win32';
  const source = (windows ? relativePath.replaceAll('\\', '/') : relativePath).replace(/^(\.\/)+/, '');
  const parts = source.split('/');
  const bad = parts.some((part) => part === '' || part === '.' || part === '..' || part.includes('\0'));
  if (bad || (windows && /^[A-Za-z]:/.test(source))) {
    fail(RangeError, 'sourceName', 'relativePath', 'relative to the input folder and inside it', relativePath);
  }
  return source;
}

/**
 * The id of a clip: its source with the extension, track and segment. Different clips have different ids, as an id
 * always ends in its own track and segment.
 *
 * @example
 * import { clipId } from '@lipsync/dataloader';
 * clipId('sub/a.mp4', 0, 2); // 'sub/a.mp4.t0.s2'
 */
export function clipId(source: string, track: number, segment: number): string {
  return `${sourceName(source)}.t${track}.s${segment}`;
}

/**
 * The parts of a clip's id.
 *
 * @throws RangeError for what is not an id.
 * @example
 * import { parseClipId } from '@lipsync/dataloader';
 * parseClipId('sub/a.mp4.t0.s2'); // { source: 'sub/a.mp4', track: 0, segment: 2 }
 */
export function parseClipId(id: string): ClipAddress {
  const match = /^(.+)\.t(\d+)\.s(\d+)$/s.exec(id); // a name may contain a line break
  if (!match) fail(RangeError, 'parseClipId', 'id', '<source>.t<track>.s<segment>', id);
  return { source: sourceName(match[1]), track: Number(match[2]), segment: Number(match[3]) };
}

/** The name of a drop: of a whole video, of a track, or of one segment; never equal to that of another. */
export function dropId(source: string, track?: number, segment?: number): string {
  const name = sourceName(source);
  if (track === undefined) return `${name}.video`;
  return segment === undefined ? `${name}.t${track}` : `${name}.t${track}.s${segment}`;
}
