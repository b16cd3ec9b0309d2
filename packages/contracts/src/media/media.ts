import type { Waveform } from '../audio/audio';
import { fail } from '../common/fail';

/** One decoded frame. */
export type VideoFrame = {
  /** RGB, 0..255, `height * width * 3` bytes, row-major. */
  data: Uint8Array;
  width: number;
  height: number;
  /** 0-based, at the requested frame rate. */
  index: number;
  /** `index / fps`, seconds from the start of the video. */
  timeSec: number;
};

/** Frames in order at a constant rate. Each iteration starts from the first frame. */
export type FrameSequence = {
  readonly fps: number;
  [Symbol.asyncIterator](): AsyncIterator<VideoFrame>;
};

/** What the container of a media file states, and which of its tracks are read. */
export type MediaInfo = {
  path: string;
  /** Seconds, of the longest stream. */
  durationSec: number;
  video?: {
    codec: string;
    /** Upright size in pixels, after the container's rotation. */
    width: number;
    height: number;
    /** Average frames per second. */
    fps: number;
    /** Clockwise degrees by which the container turns the frames. */
    rotation: number;
    startSec: number;
  };
  audio?: {
    codec: string;
    sampleRate: number;
    channels: number;
    startSec: number;
    /** How the channels become one, where not by their mean; known once the audio was measured. */
    mix?: ChannelMix;
  };
  /** Which of several video tracks, and of several audio tracks, is read; missing where there is no choice. */
  choices?: TrackChoice[];
  /** What a user should know about the above, in sentences: several tracks, channels that cancel each other. */
  notes?: string[];
};

/** One of several video or audio tracks of a file. */
export type MediaTrack = {
  /** Its number among the file's tracks of this kind, from 0. */
  track: number;
  /** In words: codec, size or channels, language, title and marks, such as `aac, stereo, eng, default`. */
  description: string;
  /** Why it cannot be used; missing where it can, or was not tried. */
  problem?: 'silent' | 'still picture' | 'cover image' | 'nothing decodes';
};

/** Which of several tracks of one kind is read, and why. */
export type TrackChoice = {
  kind: 'video' | 'audio';
  /** Number of the track, from 0. */
  track: number;
  /** In words, such as `it is marked as default`. */
  reason: string;
  tracks: MediaTrack[];
};

/**
 * How the channels of an audio track become one where their mean would lose sound. `channel`: one alone, as the others
 * are silent or would cancel it. `side`: half the difference of the first two, which are out of phase.
 */
export type ChannelMix = {
  use: 'channel' | 'side';
  /** Number of the channel, from 0, where one is used. */
  channel?: number;
  /** Why it is not the mean, in words. */
  reason: string;
};

/** How much of a file is damaged, and was concealed or left out. */
export type ConcealedDamage = {
  /** Frames, at the file's own rate, that were decoded next to damage or are missing. */
  frames: number;
  /** Seconds of frames, or of audio where that is more, next to damage or missing. */
  seconds: number;
  /** Time of the first damage, seconds after the first frame. */
  firstSec: number;
  /** The above in a sentence. */
  note: string;
};

/**
 * What is to blame where a file could not be read. `file`: it is no video or audio. `damage`: it is damaged or cut
 * short. `track`: it lacks the track that was asked for. `decoder`: the decoder crashed, or lacks a codec. `stopped`:
 * the decoder was ended from outside.
 */
export type MediaFault = 'file' | 'damage' | 'track' | 'decoder' | 'stopped';

/** An error of a `MediaReader` that says what is to blame. */
export class MediaError extends Error {
  readonly fault: MediaFault;
  /** A sentence about the file, without paths and names of functions. */
  readonly detail: string;

  constructor(message: string, { fault, detail, cause }: { fault: MediaFault; detail: string; cause?: unknown }) {
    super(message, { cause });
    this.name = 'MediaError';
    this.fault = fault;
    this.detail = detail;
  }
}

/** Metadata, frames and audio of one file, read together. */
export type MediaStreams = {
  readonly info: MediaInfo;
  readonly frames: FrameSequence;
  readonly audio: AsyncIterable<Waveform>;
  /** Stops reading and frees buffers. Safe to call twice. */
  release(): Promise<void>;
};

/** Frames, counted as 25 a second, and 16 kHz mono audio as published evaluations decode them; read as often as wanted. */
export type PublishedStreams = { readonly frames: FrameSequence; readonly audio: AsyncIterable<Waveform> };

/** The container of a published pipeline's files. */
export type PipelineContainer = 'avi' | 'mp4';

/** The temporary files of a published pipeline: frames (through JPEG of quality 2) and audio of the transcoded video. */
export type PublishedPipeline = PublishedStreams & {
  /**
   * Begins the file of a face whose crops begin at a frame of the video.
   *
   * @param options `size`: width and height of the crops, pixels, even.
   */
  crops(options: { size: number; firstFrame: number }): CropFile;
  /** Deletes the files; safe to call twice. */
  release(): Promise<void>;
};

/** The file of a face's crops, as OpenCV's video writer would write it. */
export type CropFile = {
  /** Adds a crop, RGB, `size * size * 3` bytes; borrowed until the promise resolves. Await it before the next one. */
  write(crop: Uint8Array): Promise<void>;
  /** Ends the file, adds the audio of its frames, and gives both as the evaluation reads them. */
  finish(): Promise<PublishedStreams>;
};

/** A rectangle of a frame, whole pixels. */
export type FrameRegion = { left: number; top: number; width: number; height: number };

/**
 * Reads video files. Frames and audio start at the same time: an offset between them in the container is compensated.
 */
export interface MediaReader {
  /** With `channels`, the audio is decoded once to fill in `audio.mix`, which else is known once audio is read. */
  probe(path: string, options?: { channels?: boolean }): Promise<MediaInfo>;
  /**
   * Upright RGB frames at `fps` (default 25), in constant memory. Frames before `first` (default 0) may be left out:
   * see their `index`.
   */
  frames(path: string, options?: { fps?: number; first?: number }): FrameSequence;
  /** Mono audio at `sampleRate` (default 16000 Hz) in pieces of bounded length, in constant memory. */
  audio(path: string, options?: { sampleRate?: number }): AsyncIterable<Waveform>;
  /** All three at once, where that is cheaper; one stream buffers at most `keepBytes` while the other is read. */
  both?(path: string, options?: { fps?: number; sampleRate?: number; keepBytes?: number }): Promise<MediaStreams>;
  /**
   * Part of each frame, where that is cheaper than whole frames: scaled down so that no side is above `maxSide`, or a
   * `region` (even coordinates), identical to the whole frame except within 8 pixels of the region's edges.
   */
  view?(path: string, options: { fps?: number } & ({ maxSide: number } | { region: FrameRegion })): FrameSequence;
  /**
   * How much was concealed or left out in what has been read of a file; undefined where nothing was. Where something
   * was, the file is decoded once more.
   */
  concealed?(path: string): Promise<ConcealedDamage | undefined>;
  /**
   * The streams as SyncNet's published evaluation makes them, where that can be done to the bit: frames through JPEG
   * files of ffmpeg's default quality, at the file's own rate and counted as 25 a second; audio resampled to 16-bit
   * mono of 16 kHz. Each starts where ffmpeg places it.
   */
  published?(path: string): PublishedStreams;
  /**
   * The files that SyncNet's published pipeline makes before its evaluation, where that can be done: the video is
   * transcoded to 25 frames a second in `container` (`avi`: SyncNet's MPEG-4 and MP3; `mp4`: LatentSync's H.264 and
   * AAC), and the crops of each face get a file of their own.
   */
  publishedPipeline?(path: string, options: { container: PipelineContainer }): Promise<PublishedPipeline>;
}

/**
 * Refuses a frame whose data is not `width * height * 3` bytes.
 *
 * @throws TypeError that gives both lengths; for an empty frame, too.
 * @example
 * assertVideoFrame('detect', { data: new Uint8Array(12), width: 2, height: 2, index: 0, timeSec: 0 });
 */
export function assertVideoFrame(where: string, frame: VideoFrame): void {
  if (!(frame?.data instanceof Uint8Array)) fail(TypeError, where, 'frame.data', 'a Uint8Array', typeof frame?.data);
  const bytes = frame.width * frame.height * 3;
  if (frame.data.length !== bytes || bytes === 0) {
    const rule = `${frame.width} x ${frame.height} x 3 bytes long and not empty`;
    fail(TypeError, where, 'frame.data', rule, frame.data.length);
  }
}
