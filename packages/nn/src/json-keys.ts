import { fail } from '@lipsync/contracts';

/**
 * Refuses JSON in which an object has the same key twice, of which `JSON.parse` would silently keep the last.
 *
 * @param text valid JSON.
 * @throws RangeError that names the key.
 */
export function assertUniqueKeys(where: string, text: string): void {
  const open: Set<string>[] = [];
  // Strings (with the colon that makes them keys) and brackets; all else is skipped.
  for (const [token, string, colon] of text.matchAll(/("(?:[^"\\]|\\.)*")(\s*:)?|[{}]/g)) {
    if (token === '{') open.push(new Set());
    else if (token === '}') open.pop();
    else if (colon !== undefined) {
      const key = JSON.parse(string) as string;
      const seen = open[open.length - 1];
      if (seen.has(key)) fail(RangeError, where, 'bytes: names in the header', 'unique', key);
      seen.add(key);
    }
  }
}
