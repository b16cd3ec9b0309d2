import type { Waveform } from '../audio/audio';
import { fail } from '../fail';

/** One decoded frame. */
export type VideoFrame = {
  /** RGB, 0..255, `height * width * 3` bytes, row-major. */
  data: Uint8Array;
  width: number;
  height: number;
  /** 0-based index at the rate the frames were asked for. */
  index: number;
  /** `index / fps`, seconds from the start of the frame. */
  timeSec: number;
};

/** Frames in order at a constant rate. Each iteration starts from the first frame. */
export type FrameSequence = {
  readonly fps: number;
  [Symbol.asyncIterator](): AsyncIterator<VideoFrame>;
};

/** What a file says of itself. */
export type MediaInfo = {
  path: string;
  /** Seconds; the longest stream's. */
  durationSec: number;
  video?: {
    codec: string;
    /** Upright size in pixels, after the container's rotation. */
    width: number;
    height: number;
    /** Average frames per second. */
    fps: number;
    /** Clockwise degrees that the container asks for. */
    rotation: number;
    startSec: number;
  };
  audio?: { codec: string; sampleRate: number; channels: number; startSec: number };
};

/** What a file says of itself, its frames and its audio, read together. */
export type MediaStreams = {
  readonly info: MediaInfo;
  readonly frames: FrameSequence;
  readonly audio: AsyncIterable<Waveform>;
  /** Lets go of what waits. Safe to call twice. */
  release(): Promise<void>;
};

/** A rectangle of a frame, whole pixels. */
export type FrameRegion = { left: number; top: number; width: number; height: number };

/** Opens video files. Both streams start together: an offset between them in the container is made good. */
export interface MediaReader {
  probe(path: string): Promise<MediaInfo>;
  /** Upright RGB frames at `fps` (default 25), in constant memory. Those before `first` (default 0) may be left out: look at their `index`. */
  frames(path: string, options?: { fps?: number; first?: number }): FrameSequence;
  /** Mono audio at `sampleRate` (default 16000) in pieces of bounded length, in constant memory. */
  audio(path: string, options?: { sampleRate?: number }): AsyncIterable<Waveform>;
  /** The same three at once, where that is cheaper; `keepBytes` of one stream may wait while the other is read. */
  both?(path: string, options?: { fps?: number; sampleRate?: number; keepBytes?: number }): Promise<MediaStreams>;
  /**
   * The frames of `frames`, no more than which are wanted of them, where that is cheaper: scaled down so that neither side is above `maxSide`, or
   * a `region` of each (even numbers), the same to the bit from 8 pixels off its edges on.
   */
  view?(path: string, options: { fps?: number } & ({ maxSide: number } | { region: FrameRegion })): FrameSequence;
}

/** Refuses a frame whose bytes do not fit its size. */
export function assertVideoFrame(where: string, frame: VideoFrame): void {
  if (!(frame?.data instanceof Uint8Array)) fail(TypeError, where, 'frame.data', 'a Uint8Array', typeof frame?.data);
  const bytes = frame.width * frame.height * 3;
  if (frame.data.length !== bytes || bytes === 0) {
    const rule = `${frame.width} x ${frame.height} x 3 bytes long and not empty`;
    fail(TypeError, where, 'frame.data', rule, frame.data.length);
  }
}
