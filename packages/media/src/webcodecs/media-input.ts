import { MediaError } from '@lipsync/contracts';
import type { Input, InputFormat, Source } from 'mediabunny';
import {
  ADTS,
  BlobSource,
  BufferSource,
  Input as Demuxer,
  FLAC,
  MATROSKA,
  MP3,
  MP4,
  MPEG_TS,
  OGG,
  QTFF,
  UrlSource,
  WAVE,
  WEBM,
} from 'mediabunny';
import type { MediaInput } from './browser-reader';

/** Containers that hold their streams themselves; playlists, which name other addresses, are left out. */
const FORMATS: InputFormat[] = [MP4, QTFF, MATROSKA, WEBM, MPEG_TS, OGG, MP3, WAVE, FLAC, ADTS];

/** Streams are read once and files twice: what a stream held, by stream. */
const collected = new WeakMap<ReadableStream, Promise<Blob>>();

/**
 * What a file, an address or bytes are called in messages and reports.
 *
 * @example
 * inputName(new URL('https://example.org/a/talk.mp4')); // https://example.org/a/talk.mp4
 */
export function inputName(input: MediaInput): string {
  if (typeof input === 'string') return input;
  if (input instanceof URL) return input.href;
  return typeof File !== 'undefined' && input instanceof File ? input.name : 'the media given';
}

/**
 * Opens the container.
 *
 * @returns the caller disposes it.
 * @throws TypeError where it is none of the kinds of `MediaInput`; MediaError where it is no video or audio, or cannot
 *   be fetched.
 */
export async function openInput(where: string, input: MediaInput): Promise<Input> {
  const opened = new Demuxer({ formats: FORMATS, source: await sourceOf(where, input) });
  try {
    await opened.getFormat();
    return opened;
  } catch (error) {
    opened.dispose();
    const reason = error instanceof Error ? error.message : String(error);
    const rule = 'a video or audio file (mp4, mov, mkv, webm, ts, ogg, mp3, wav, flac, aac)';
    throw new MediaError(`${where}: path must be ${rule}, got ${inputName(input)}: ${reason}`, {
      fault: 'file',
      detail: `it is no video or audio that can be read: ${reason}`,
      cause: error,
    });
  }
}

async function sourceOf(where: string, input: MediaInput): Promise<Source> {
  if ((typeof input === 'string' && input !== '') || input instanceof URL) {
    // One more try after a failure of the network; without a limit it would try for ever.
    return new UrlSource(input, { getRetryDelay: (attempts) => (attempts < 1 ? 0.5 : null) });
  }
  if (input instanceof Blob) return new BlobSource(input);
  if (input instanceof ArrayBuffer || input instanceof Uint8Array) return new BufferSource(input);
  if (input instanceof ReadableStream) {
    let blob = collected.get(input);
    if (!blob) collected.set(input, (blob = new Response(input).blob()));
    return new BlobSource(await blob);
  }
  const kind = input === '' ? "''" : typeof input;
  throw new TypeError(`${where}: path must be a File, Blob, URL, stream or bytes, got ${kind}`);
}
