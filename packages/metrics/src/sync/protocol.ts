import { sha256Hex } from '@lipsync/checkpoints';
import type { SyncCrop } from '@lipsync/contracts';
import { AUDIO_SAMPLE_RATE, fail } from '@lipsync/contracts';

/** The rules of a published evaluation, apart from the network. */
export type SyncProtocol = {
  name: string;
  /**
   * `jpeg`: frames and audio are decoded as the published scripts do it. Every frame of the file, whatever its rate, is
   * counted as 1/25 s and passes through a JPEG file of ffmpeg's default quality; audio is resampled in 16 bits where
   * the file has 16. With `tracks`, that file holds a face's crops: see `tracks.container`. Undefined: frames nearest to
   * 25 a second, decoded straight to RGB, audio from the first frame on.
   */
  frames?: 'jpeg';
  /** How frames are cropped; undefined: as the expert's own recipe says. */
  crop?: SyncCrop;
  /** Rules for face tracks; undefined: the whole file is one. */
  tracks?: {
    /** Tracks need more detections than this, frames. */
    minFrames: number;
    /** Longest gap that is filled in, frames. */
    maxGap: number;
    /** Least mean width or height of the face box, whichever is larger, pixels. */
    minFaceSize: number;
    /**
     * With `frames: 'jpeg'`: the video is transcoded to this container at 25 frames a second before faces are searched,
     * its frames pass through JPEG files of quality 2, and the crops of each track through an MPEG-4 file of this
     * container. Default `avi`.
     */
    container?: 'avi' | 'mp4';
  };
  /** Largest offset tried, frames. */
  maxShift: number;
  /** What a window is compared with where the shift leaves the clip. */
  edges: 'zero' | 'overlap';
  /** `reference`: `min(frames, floor(samples / 640)) - 5` windows, one fewer than there are; `all`: all. */
  windows: 'all' | 'reference';
  /** From where the audio's features are computed: the file's first sample, or the track's. */
  audioFrom: 'file' | 'track';
  /** The result of a file with several tracks. */
  perFile: 'each track' | 'mean of tracks';
  /** Where it comes from. */
  source: string;
};

const PIPELINE_CROP: SyncCrop = { kind: 'track box', scale: 0.4, size: 224 };
const PIPELINE_TRACKS = { minFrames: 100, maxGap: 25, minFaceSize: 100 } as const;
const LATENTSYNC_TRACKS = { minFrames: 50, maxGap: 25, minFaceSize: 100 } as const;
const COMMON = { maxShift: 15, edges: 'zero', windows: 'reference', audioFrom: 'track' } as const;

/**
 * Published evaluations by name; `recipe` is not a published one: the expert's own crop, every window. The names that
 * end in `-decoded` are published ones on frames and audio that are decoded our way: to compare beside them.
 *
 * Source: joonson/syncnet_python (`demo_syncnet.py`, `run_pipeline.py` with `run_syncnet.py`), Wav2Lip's evaluation
 * scripts, LatentSync's.
 *
 * @example
 * const { crop, tracks, maxShift } = PROTOCOLS['syncnet-pipeline'];
 */
export const PROTOCOLS = {
  recipe: {
    name: 'recipe',
    maxShift: 15,
    edges: 'zero',
    windows: 'all',
    audioFrom: 'file',
    perFile: 'each track',
    source: 'the crop of the expert’s own recipe, every window',
  },
  'syncnet-demo': {
    name: 'syncnet-demo',
    ...COMMON,
    frames: 'jpeg',
    crop: { kind: 'whole frame', size: 224, resize: 'none' },
    perFile: 'each track',
    source: 'syncnet_python, demo_syncnet.py: the file is a face crop of 224 px',
  },
  'syncnet-demo-decoded': {
    name: 'syncnet-demo-decoded',
    ...COMMON,
    crop: { kind: 'whole frame', size: 224, resize: 'none' },
    perFile: 'each track',
    source: 'syncnet-demo on frames decoded straight to RGB, at their true times',
  },
  'syncnet-pipeline': {
    name: 'syncnet-pipeline',
    ...COMMON,
    frames: 'jpeg',
    crop: PIPELINE_CROP,
    tracks: { ...PIPELINE_TRACKS, container: 'avi' },
    perFile: 'each track',
    source:
      'syncnet_python, run_pipeline.py and run_syncnet.py: one line a face track, crop scale 0.4, min_track 100; ' +
      'Wav2Lip, calculate_scores_real_videos.py',
  },
  'syncnet-pipeline-decoded': {
    name: 'syncnet-pipeline-decoded',
    ...COMMON,
    crop: PIPELINE_CROP,
    tracks: PIPELINE_TRACKS,
    perFile: 'each track',
    source: 'syncnet-pipeline on crops of frames decoded straight to RGB, with the audio of the file',
  },
  'wav2lip-lrs': {
    name: 'wav2lip-lrs',
    ...COMMON,
    frames: 'jpeg',
    crop: { kind: 'whole frame', size: 224, resize: 'bilinear' },
    perFile: 'each track',
    source: 'Wav2Lip, calculate_scores_LRS.py: whole frames stretched to 224 px, mean over files',
  },
  'wav2lip-lrs-decoded': {
    name: 'wav2lip-lrs-decoded',
    ...COMMON,
    crop: { kind: 'whole frame', size: 224, resize: 'bilinear' },
    perFile: 'each track',
    source: 'wav2lip-lrs on frames decoded straight to RGB, at their true times',
  },
  latentsync: {
    name: 'latentsync',
    ...COMMON,
    frames: 'jpeg',
    crop: PIPELINE_CROP,
    tracks: { ...LATENTSYNC_TRACKS, container: 'mp4' },
    perFile: 'mean of tracks',
    source: 'LatentSync, eval_sync_conf.py: min_track 50, mean confidence and int(mean offset) over tracks',
  },
  'latentsync-decoded': {
    name: 'latentsync-decoded',
    ...COMMON,
    crop: PIPELINE_CROP,
    tracks: LATENTSYNC_TRACKS,
    perFile: 'mean of tracks',
    source: 'latentsync on crops of frames decoded straight to RGB, with the audio of the file',
  },
} as const satisfies Record<string, SyncProtocol>;

/** Names of `PROTOCOLS`. */
export type ProtocolName = keyof typeof PROTOCOLS;

/**
 * The fingerprint of a protocol: SHA-256 of its rules as JSON, keys sorted. Scores under different ones cannot be
 * compared.
 *
 * @returns 64 hexadecimal digits.
 * @example
 * (await protocolHash(PROTOCOLS['syncnet-demo'])).slice(0, 12);
 */
export async function protocolHash(protocol: SyncProtocol): Promise<string> {
  const sorted = (value: unknown): unknown =>
    typeof value === 'object' && value !== null && !Array.isArray(value)
      ? Object.fromEntries(
          Object.entries(value)
            .sort(([a], [b]) => (a < b ? -1 : 1))
            .map(([key, inner]) => [key, sorted(inner)]),
        )
      : value;
  const { source: _, ...rules } = protocol; // a description, not a rule
  return sha256Hex(new TextEncoder().encode(JSON.stringify(sorted(rules))));
}

const FPS = 25; // of the reference
const WINDOW = 5; // frames of SyncNet's window

/**
 * How many windows SyncNet's evaluation compares: `min(frames, floor(samples / 640)) - 5`, one fewer than there are.
 *
 * @param samples of 16 kHz audio from the first frame on.
 * @returns 0 for a clip of fewer than 6 frames with audio, where the reference stops with an error.
 * @example
 * referenceWindows(125, 80_000); // 120
 */
export function referenceWindows(frameCount: number, samples: number): number {
  return Math.max(0, Math.min(frameCount, Math.floor((samples * FPS) / AUDIO_SAMPLE_RATE)) - WINDOW);
}

/**
 * The result of a file with several tracks by LatentSync's rule: mean confidence and distance, mean offset cut to a
 * whole number.
 *
 * @throws RangeError for no tracks.
 * @example
 * const { offsetFrames, lseC } = meanOfTracks(faces);
 */
export function meanOfTracks(tracks: readonly { offsetFrames: number; lseC: number; lseD: number }[]): {
  offsetFrames: number;
  lseC: number;
  lseD: number;
} {
  if (tracks.length === 0) fail(RangeError, 'meanOfTracks', 'tracks', 'at least one', 'none');
  const mean = (key: 'offsetFrames' | 'lseC' | 'lseD') =>
    tracks.reduce((sum, track) => sum + track[key], 0) / tracks.length;
  return { offsetFrames: Math.trunc(mean('offsetFrames')), lseC: mean('lseC'), lseD: mean('lseD') };
}
