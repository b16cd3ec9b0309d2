import { type FaceTrack, fail } from '@lipsync/contracts';
import { TrackBuilder } from '../track/track-builder';

export type OpenFaceOptions = {
  /** Rows whose `confidence` is below this count as no face, 0..1. Default 0. */
  minConfidence?: number;
  /** Longest gap, in frames, that is interpolated linearly; a longer one splits the track. Default 10. */
  maxGap?: number;
  /** Shorter tracks are dropped, in frames. Default 1. */
  minFrames?: number;
};

/**
 * Reads OpenFace's landmark table: one row per frame and face, columns found by their names (`frame`, `x_0` … `x_67`,
 * `y_0` … `y_67`, and, optional, `face_id`, `confidence`, `success`).
 *
 * OpenFace counts frames from 1 and has pixel centres at whole numbers: half a pixel is added. Rows with `success` 0
 * count as no face.
 *
 * @returns gap-free tracks, one or more per `face_id`, ids from 0.
 * @throws TypeError if a column is missing, a row has too few cells or two rows are of the same face and frame;
 * RangeError if a value is not finite.
 * @example
 * import { readFile } from 'node:fs/promises';
 * import { parseOpenFaceCsv } from '@lipsync/face-crop';
 * const [track] = parseOpenFaceCsv(await readFile('talk.csv', 'utf8'));
 */
export function parseOpenFaceCsv(text: string, options: OpenFaceOptions = {}): FaceTrack[] {
  const where = 'parseOpenFaceCsv';
  const { minConfidence = 0, maxGap = 10, minFrames = 1 } = options;
  const [header, ...rows] = text.split(/\r?\n/).filter((line) => line.trim() !== '');
  const names = (header ?? '').split(',').map((name) => name.trim());
  const column = (name: string, needed = true) => {
    const index = names.indexOf(name);
    if (index < 0 && needed)
      fail(TypeError, where, 'text', `a table with the column ${name}`, `${names.slice(0, 4).join(', ')} …`);
    return index;
  };
  const frameAt = column('frame');
  const points = Array.from({ length: 68 }, (_, i) => [column(`x_${i}`), column(`y_${i}`)]);
  const [faceAt, confidenceAt, successAt] = ['face_id', 'confidence', 'success'].map((name) => column(name, false));
  const builder = new TrackBuilder({ maxGap, minFrames });
  const last = new Map<number, number>();
  rows.forEach((line, index) => {
    const cells = line.split(',');
    const at = `row ${index + 2}`;
    const read = (cell: number) => {
      const value = Number(cells[cell]?.trim() || Number.NaN);
      if (!Number.isFinite(value)) fail(RangeError, where, `${at}, ${names[cell]}`, 'a finite number', cells[cell]);
      return value;
    };
    if (cells.length < names.length) fail(TypeError, where, at, `${names.length} cells long`, cells.length);
    const face = faceAt < 0 ? 0 : read(faceAt);
    const frame = read(frameAt) - 1;
    const before = last.get(face) ?? -1;
    if (!(Number.isInteger(frame) && frame > before))
      fail(RangeError, where, `${at}, frame`, `above ${before + 1}`, frame + 1);
    last.set(face, frame);
    const confidence = confidenceAt < 0 ? 1 : read(confidenceAt);
    if ((successAt >= 0 && read(successAt) === 0) || confidence < minConfidence) return;
    builder.add(
      face,
      frame,
      Float32Array.from(points.flat(), (cell) => read(cell) + 0.5),
      confidence,
    );
  });
  return builder.finish();
}
