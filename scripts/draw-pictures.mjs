/**
 * Draws the pictures of docs/concepts.md from what was measured on drawn videos:
 *
 *     node scripts/draw-pictures.mjs              from docs/pictures/measured.json
 *     node scripts/draw-pictures.mjs --measure    measures again first, which needs built packages and takes minutes
 *
 * They have no background, and the colours of the page that shows them, light or dark.
 */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { distanceCurves } from './docs/pictures/distance-curves.mjs';
import { earlyAndLate } from './docs/pictures/early-and-late.mjs';
import { measure } from './docs/pictures/measure.mjs';
import { offsetOverTime } from './docs/pictures/offset-over-time.mjs';

const pictures = join(dirname(dirname(fileURLToPath(import.meta.url))), 'docs/pictures');
const kept = join(pictures, 'measured.json');
if (process.argv.includes('--measure')) {
  const folder = mkdtempSync(join(tmpdir(), 'lipsync-pictures-'));
  try {
    writeFileSync(kept, `${JSON.stringify(await measure(folder))}\n`);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
const measured = JSON.parse(readFileSync(kept, 'utf8'));
writeFileSync(join(pictures, 'early-late.svg'), earlyAndLate(measured));
writeFileSync(join(pictures, 'distance-curves.svg'), distanceCurves(measured));
writeFileSync(join(pictures, 'offset-over-time.svg'), offsetOverTime(measured));
