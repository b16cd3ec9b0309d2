import { type BlockRow, down, residual, times } from './block';

/** What halves the sides of face images before the convolution that spans the whole map. */
export const HALVINGS = 5;

/**
 * Rows of the face encoder, by its parts: five halve the map, the last spans it.
 *
 * @param end side of the last map but one: a 32nd of the image's.
 */
export const faceEncoderRows = (end: number): BlockRow[][] => [
  [{ kernel: 7, padding: 3, channels: 16 }],
  [down(32), ...times(2, residual(32))],
  [down(64), ...times(3, residual(64))],
  [down(128), ...times(2, residual(128))],
  [down(256), ...times(2, residual(256))],
  [down(512), residual(512)],
  [
    { kernel: end, channels: 512 },
    { kernel: 1, channels: 512 },
  ],
];

/** Rows of the audio encoder: 80 mel bands of 16 steps to one pixel. */
export const AUDIO_ENCODER_ROWS: readonly BlockRow[] = [
  { kernel: 3, padding: 1, channels: 32 },
  ...times(2, residual(32)),
  down(64, [3, 1]),
  ...times(2, residual(64)),
  down(128, 3),
  ...times(2, residual(128)),
  down(256, [3, 2]),
  residual(256),
  { kernel: 3, channels: 512 },
  { kernel: 1, channels: 512 },
];

const up = (channels: number): BlockRow => ({ kernel: 3, stride: 2, padding: 1, channels, up: true });

/** Rows of the face decoder, by its parts; each part's output is joined by the encoder's map of its size. */
export const faceDecoderRows = (end: number): BlockRow[][] => [
  [{ kernel: 1, channels: 512 }],
  [{ kernel: end, channels: 512, up: true }, residual(512)],
  [up(512), ...times(2, residual(512))],
  [up(384), ...times(2, residual(384))],
  [up(256), ...times(2, residual(256))],
  [up(128), ...times(2, residual(128))],
  [up(64), ...times(2, residual(64))],
];
