import { fail } from '@lipsync/contracts';
import { encode } from 'fast-png';

/** One column of a sheet: frames of one size, RGB, 0..255, from top to bottom. */
export type SheetColumn = readonly Uint8Array[];

const GAP = 4; // pixels, white

/**
 * Frames side by side as a PNG: a column after the other, small frames shown larger.
 *
 * @param columns as many frames in each, of `height * width * 3` bytes.
 * @returns the file's bytes.
 * @example
 * await writeFile('sheet.png', frameSheet([[source, generated]], { height: 104, width: 80 }));
 */
export function frameSheet(
  columns: readonly SheetColumn[],
  { height, width }: { height: number; width: number },
): Uint8Array {
  if (columns.length === 0) fail(TypeError, 'frameSheet', 'columns', 'at least one', 0);
  const rows = columns[0].length;
  const scale = Math.max(1, Math.round(160 / width));
  const [cellHeight, cellWidth] = [height * scale + GAP, width * scale + GAP];
  const sheet = { width: columns.length * cellWidth + GAP, height: rows * cellHeight + GAP };
  const data = new Uint8Array(sheet.width * sheet.height * 3).fill(255);
  columns.forEach((column, x) => {
    if (column.length !== rows) fail(TypeError, 'frameSheet', 'columns', `of ${rows} frames each`, column.length);
    column.forEach((frame, y) => {
      if (frame.length !== height * width * 3)
        fail(TypeError, 'frameSheet', 'frame', `${height} x ${width} x 3 bytes long`, frame.length);
      for (let row = 0; row < height * scale; row++) {
        let to = ((y * cellHeight + GAP + row) * sheet.width + x * cellWidth + GAP) * 3;
        const from = Math.floor(row / scale) * width * 3;
        for (let column = 0; column < width * scale; column++, to += 3) {
          const at = from + Math.floor(column / scale) * 3;
          data.set(frame.subarray(at, at + 3), to);
        }
      }
    });
  });
  return encode({ width: sheet.width, height: sheet.height, data, channels: 3, depth: 8 });
}
