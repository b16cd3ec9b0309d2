import type { FrameRegion, FrameSequence, MediaInfo, MediaReader, Waveform } from '@lipsync/contracts';

/**
 * A video or audio file: a `File` or `Blob`, an address (of the page's own server, or one that allows requests from
 * others), bytes, or a stream of them, which is read to its end first.
 */
export type MediaInput =
  | string
  | URL
  | Blob
  | ArrayBuffer
  | Uint8Array<ArrayBuffer>
  | ReadableStream<Uint8Array<ArrayBuffer>>;

export type OpenMediaInBrowserOptions = {
  /** Largest frame that is decoded, width times height; larger ones are refused. Default 7680 * 4320 (8K). */
  maxPixels?: number;
  /** Which video track is read, by its number among the file's, from 0. Default: one marked as default, else the first. */
  videoTrack?: number;
  /**
   * Which audio track is read, by its number among the file's, from 0. Default: one marked as default, else the first,
   * commentary and descriptions last.
   */
  audioTrack?: number;
  /** Ends whatever is being read: it throws the signal's reason. */
  signal?: AbortSignal;
};

/** A `MediaReader` that decodes with WebCodecs; where others take a path, it takes any `MediaInput`. */
export interface BrowserReader extends MediaReader {
  probe(input: MediaInput, options?: { channels?: boolean }): Promise<MediaInfo>;
  frames(input: MediaInput, options?: { fps?: number; first?: number; maxSide?: number }): FrameSequence;
  audio(input: MediaInput, options?: { sampleRate?: number }): AsyncIterable<Waveform>;
  view(input: MediaInput, options: { fps?: number } & ({ maxSide: number } | { region: FrameRegion })): FrameSequence;
}
