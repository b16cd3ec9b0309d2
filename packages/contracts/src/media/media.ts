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

/** What the container of a media file states. */
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
  audio?: { codec: string; sampleRate: number; channels: number; startSec: number };
};

/** Metadata, frames and audio of one file, read together. */
export type MediaStreams = {
  readonly info: MediaInfo;
  readonly frames: FrameSequence;
  readonly audio: AsyncIterable<Waveform>;
  /** Stops reading and frees buffers. Safe to call twice. */
  release(): Promise<void>;
};

/** A rectangle of a frame, whole pixels. */
export type FrameRegion = { left: number; top: number; width: number; height: number };

/**
 * Reads video files. Frames and audio start at the same time: an offset between them in the container is compensated.
 */
export interface MediaReader {
  probe(path: string): Promise<MediaInfo>;
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
