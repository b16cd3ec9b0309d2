import type { MediaReader } from '@lipsync/contracts';
import type { MediaInput } from '@lipsync/media';
import { loadMedia } from './optional-peers';

/** The reader of `@lipsync/media` that runs here: ffmpeg in Node, WebCodecs in a page or a worker. */
export async function openVideoReader(log: (line: string) => void): Promise<MediaReader> {
  const media = await loadMedia();
  const inNode = typeof process !== 'undefined' && process.versions?.node !== undefined;
  return inNode ? media.openMedia({ log }) : media.openMediaInBrowser();
}

/** What a video is called in reports. */
export function videoName(source: MediaInput): string {
  if (typeof source === 'string') return source;
  if (source instanceof URL) return source.href;
  return (source as Partial<File>).name ?? 'the video given';
}

/** A reader of one video that is no path: whatever path its methods get, they read that video. */
export function readerOf(reader: MediaReader, source: MediaInput): MediaReader {
  if (typeof source === 'string') return reader;
  // Readers that take more than paths take it in a path's place.
  const path = source as unknown as string;
  const { both, view, concealed, published } = reader;
  return {
    probe: (_, options) => reader.probe(path, options),
    frames: (_, options) => reader.frames(path, options),
    audio: (_, options) => reader.audio(path, options),
    ...(both && { both: (_, options) => both.call(reader, path, options) }),
    ...(view && { view: (_, options) => view.call(reader, path, options) }),
    ...(concealed && { concealed: () => concealed.call(reader, path) }),
    ...(published && { published: () => published.call(reader, path) }),
  };
}
