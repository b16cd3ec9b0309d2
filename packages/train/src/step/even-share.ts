import { fail } from '@lipsync/contracts';

/**
 * The rows of one part where `rows` are cut into `parts` runs of as equal length as can be.
 *
 * @param part 0 … parts - 1.
 * @returns first row and the one after the last.
 * @throws RangeError if a part would be empty.
 * @example
 * evenShare(72, 2, 5); // [28, 43]
 */
export function evenShare(rows: number, part: number, parts: number): [first: number, end: number] {
  if (!(Number.isInteger(parts) && parts >= 1)) fail(RangeError, 'evenShare', 'parts', 'a whole number from 1', parts);
  if (!(Number.isInteger(rows) && rows >= parts))
    fail(RangeError, 'evenShare', 'rows', `at least ${parts}, one a part`, rows);
  if (!(Number.isInteger(part) && part >= 0 && part < parts))
    fail(RangeError, 'evenShare', 'part', `from 0 to ${parts - 1}`, part);
  return [Math.floor((rows * part) / parts), Math.floor((rows * (part + 1)) / parts)];
}
