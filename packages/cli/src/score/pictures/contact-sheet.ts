import { Canvas, DIGIT } from './canvas';
import type { SeenCrop } from './crop-collector';

const COLUMNS = 8;
const GAP = 6;
const DOT = 2; // pixels of a digit's dot
/** Crops are shown about this large, pixels. */
const SHOWN = 112;

/**
 * A contact sheet: what the network saw of each face along time, from left to right and on in the next row, with the
 * number of the frame below each crop; faces one below the other.
 *
 * @param faces crops of one size.
 * @returns null where there is none.
 */
export function contactSheet(faces: readonly (readonly SeenCrop[])[]): Canvas | null {
  const [first] = faces.flat();
  if (!first) return null;
  const scale = Math.max(1, Math.round(SHOWN / Math.max(first.width, first.height)));
  const cell = { width: first.width * scale + GAP, height: first.height * scale + DIGIT.height * DOT + 3 * GAP };
  const rowsOf = (crops: readonly SeenCrop[]) => Math.ceil(crops.length / COLUMNS);
  const rows = faces.reduce((sum, crops) => sum + rowsOf(crops), 0);
  const columns = Math.min(COLUMNS, Math.max(...faces.map((crops) => crops.length)));
  const between = (faces.length - 1) * 2 * GAP;
  const sheet = new Canvas(columns * cell.width + GAP, rows * cell.height + between + GAP, 255);
  let top = GAP;
  for (const crops of faces) {
    for (const [i, crop] of crops.entries()) {
      const left = GAP + (i % COLUMNS) * cell.width;
      const y = top + Math.floor(i / COLUMNS) * cell.height;
      sheet.draw(crop, left, y, scale);
      sheet.number(crop.frameIndex, left, y + crop.height * scale + GAP, { scale: DOT });
    }
    top += rowsOf(crops) * cell.height + 2 * GAP;
  }
  return sheet;
}
