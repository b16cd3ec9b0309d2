import type { MeterReading } from '@lipsync/score';

/** From the page to the worker. */
export type ToWorker =
  | { kind: 'file'; file: File }
  | { kind: 'live' }
  | { kind: 'frame'; frame: VideoFrame; timeSec: number }
  | { kind: 'audio'; samples: Float32Array; sampleRate: number; timeSec: number }
  | { kind: 'stop' };

/** From the worker to the page. */
export type ToPage =
  | { kind: 'ready'; backend: string }
  | { kind: 'reading'; reading: MeterReading }
  /** Size of the frames that the boxes refer to, and the length of the file. */
  | { kind: 'opened'; width: number; height: number; durationSec: number }
  | { kind: 'progress'; timeSec: number }
  | { kind: 'done'; reading: MeterReading }
  | { kind: 'failed'; message: string };
