/**
 * Shows what stabilising does to the crops of a video's largest face: a frame sheet, and figures.
 *
 *     node scripts/crop-sheet.mjs VIDEO... [--out sheet.png] [--frames 12] [--json]
 *
 * Rows: every frame's own crop (`window: 'frame'`), the stabilised one (`clip median`), DINet's face image with the video's one radius and its mouth
 * box. Figures: standard deviation of the side, pixels; jitter of the centre (`cropJitter`: second differences, in sides), each before and after. The
 * sheet is of the first video.
 */
import { writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { parseArgs } from 'node:util';
import { selectBackend } from '../packages/backends/dist/index.js';
import {
  collectTracks,
  createLandmarkDetector,
  cropJitter,
  headBoxOf,
  planCrops,
} from '../packages/face-crop/dist/index.js';
import { openMedia } from '../packages/media/dist/index.js';

const { encode } = createRequire(new URL('../packages/train/package.json', import.meta.url))('fast-png');
const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    out: { type: 'string' },
    frames: { type: 'string', default: '12' },
    json: { type: 'boolean', default: false },
  },
});
const SIZE = 96;
const similarity = {
  kind: 'similarity',
  centre: 'mean 48-67',
  upright: 'eye centres',
  side: 1.9,
  size: SIZE,
};
const plans = (track, frame) => ({
  own: planCrops(track, { ...similarity, window: 'frame' }),
  steady: planCrops(track, { ...similarity, window: 'clip median' }),
  head: tryPlan(() => planCrops(track, { kind: 'dinet head', mouth: 64 }, frame)),
});

function tryPlan(make) {
  try {
    return make();
  } catch {
    return undefined; // no window of the track has its head crop inside the frame
  }
}

await selectBackend({ backend: 'wasm' });
const [media, detector] = [await openMedia({ log: () => {} }), await createLandmarkDetector({ testTimeViews: 2 })];
const rows = [];
for (const [index, path] of positionals.entries()) {
  const tracks = await collectTracks(media.frames(path), detector, { stride: 2 });
  const track = tracks.sort((a, b) => b.frameCount - a.frameCount)[0];
  if (!track) continue;
  const { video } = await media.probe(path);
  const plan = plans(track, video);
  const [own, steady] = [cropJitter(plan.own.poses), cropJitter(plan.steady.poses)];
  rows.push({ path, frameCount: track.frameCount, own, steady, head: plan.head && cropJitter(plan.head.poses) });
  if (index === 0 && values.out) await drawSheet(path, track, plan);
}
detector.dispose();
const mean = (pick) => rows.reduce((sum, row) => sum + pick(row), 0) / rows.length;
const summary = {
  videos: rows.length,
  ownSide: mean(({ own }) => own.side),
  steadySide: mean(({ steady }) => steady.side),
  largestSteadySide: Math.max(...rows.map(({ steady }) => steady.side)),
  largestHeadSide: Math.max(...rows.map(({ head }) => head?.side ?? 0)),
  ownCentre: mean(({ own }) => own.centre),
  steadyCentre: mean(({ steady }) => steady.centre),
};
if (values.json) console.log(JSON.stringify({ summary, rows }, null, 1));
else {
  const { videos, ownSide, steadySide, largestSteadySide, largestHeadSide, ownCentre, steadyCentre } = summary;
  console.log(
    `${videos} videos; deviation of the side ${ownSide.toFixed(2)} px own, ${steadySide.toFixed(2)} px stabilised (largest ${largestSteadySide}; head crop ${largestHeadSide})`,
  );
  const factor = steadyCentre > 0 ? `, a factor of ${(ownCentre / steadyCentre).toFixed(1)}` : '';
  console.log(`jitter of the centre ${ownCentre.toFixed(5)} sides own, ${steadyCentre.toFixed(5)} stabilised${factor}`);
}

/** Frames of the track side by side, one row a plan. */
async function drawSheet(path, track, { own, steady, head }) {
  const count = Math.min(Number(values.frames), track.frameCount);
  const wanted = new Map(Array.from({ length: count }, (_, i) => [Math.floor((i * track.frameCount) / count), i]));
  const gap = 4;
  const heights = [SIZE, SIZE, head ? head.height : 0];
  const width = count * (SIZE + gap) + gap;
  const height = heights.reduce((sum, value) => sum + value + gap, gap);
  const data = new Uint8Array(width * height * 3).fill(255);
  const place = (rgb, size, column, top) => {
    const left = gap + column * (SIZE + gap) + Math.floor((SIZE - size.width) / 2);
    for (let row = 0; row < size.height; row++) {
      data.set(rgb.subarray(row * size.width * 3, (row + 1) * size.width * 3), ((top + row) * width + left) * 3);
    }
  };
  for await (const frame of media.frames(path)) {
    const at = frame.index - track.firstFrame;
    const column = wanted.get(at);
    if (column === undefined) continue;
    place(own.cut(frame, at), own, column, gap);
    place(steady.cut(frame, at), steady, column, gap + SIZE + gap);
    if (head) place(framed(head.cut(frame, at), head), head, column, gap + 2 * (SIZE + gap));
  }
  await writeFile(values.out, encode({ width, height, data, channels: 3 }));
}

/** Draws the mouth box of a face image. */
function framed(rgb, { height, width }) {
  const { mouth, top, left } = headBoxOf({ height, width });
  for (let i = 0; i < mouth; i++) {
    for (const [row, column] of [
      [top, left + i],
      [top + mouth - 1, left + i],
      [top + i, left],
      [top + i, left + mouth - 1],
    ]) {
      if (row < height) rgb.set([57, 255, 20], (row * width + column) * 3);
    }
  }
  return rgb;
}
