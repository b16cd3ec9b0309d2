/**
 * Draws docs/pictures/offset.svg: the mouth crops of a video along the time axis, the mel spectrogram of its audio below
 * them, and the distance curve whose minimum is the offset.
 *
 *   node scripts/offset-picture.mjs VIDEO WEIGHTS OUT.svg
 */
import { writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { basename } from 'node:path';
import { selectBackend } from '../packages/backends/dist/index.js';
import { createLandmarkDetector } from '../packages/face-crop/dist/index.js';
import { openMedia } from '../packages/media/dist/index.js';
import { loadExpert, scoreVideo } from '../packages/score/dist/index.js';
import { openTrackedVideo, streamSyncWindows } from '../packages/sync-windows/dist/index.js';

const { encode } = createRequire(new URL('../packages/train/package.json', import.meta.url))('fast-png');
const [path, weights, out] = process.argv.slice(2);
if (!out) {
  console.error('usage: node scripts/offset-picture.mjs VIDEO WEIGHTS OUT.svg');
  process.exit(2);
}
await selectBackend({ backend: 'wasm', log: console.error });
const expert = await loadExpert(weights);
const reader = await openMedia();
const detector = await createLandmarkDetector();
const { recipe } = expert;
const { size } = recipe.crop;

/** Every tenth window: its middle frame as a PNG, and its mel, which follows on that of the one before. */
async function stripOf() {
  const video = await openTrackedVideo({ path, reader, detector });
  const crops = [];
  const columns = [];
  for await (const { startFrame, frames, features } of streamSyncWindows(video, { recipe })) {
    if (startFrame % recipe.frameCount !== 0) continue;
    crops.push(pngOf(cropOf(frames, Math.floor(recipe.frameCount / 2)), size, size, 3));
    for (let step = 0; step < recipe.featureSteps; step++) {
      columns.push(Float32Array.from({ length: 80 }, (_, bin) => features[bin * recipe.featureSteps + step]));
    }
    if (crops.length === 10) break;
  }
  video.release();
  return { crops, columns };
}

/** Frame `index` of a window `[height, width, frames * 3]` as RGB bytes. */
function cropOf(frames, index) {
  const [low, high] = recipe.range;
  const stride = recipe.frameCount * 3;
  const data = new Uint8Array(size * size * 3);
  for (let pixel = 0; pixel < size * size; pixel++) {
    for (let colour = 0; colour < 3; colour++) {
      const value = frames[pixel * stride + index * 3 + colour];
      data[pixel * 3 + colour] = Math.round((255 * (value - low)) / (high - low));
    }
  }
  return data;
}

function pngOf(data, width, height, channels) {
  const bytes = encode({ data, width, height, channels, depth: 8 });
  return `data:image/png;base64,${Buffer.from(bytes).toString('base64')}`;
}

/** The mel as a grey picture, low frequencies below. */
function melPng(columns) {
  const data = new Uint8Array(columns.length * 80);
  columns.forEach((column, x) => {
    column.forEach((value, bin) => {
      data[(79 - bin) * columns.length + x] = Math.round((255 * (value + 4)) / 8);
    });
  });
  return pngOf(data, columns.length, 80, 1);
}

const { faces } = await scoreVideo(path, { expert, reader });
const [face] = faces;
if (!face) throw new Error(`offset-picture: VIDEO must show a face, got none in ${basename(path)}`);
const { crops, columns } = await stripOf();

const SIDE = 62;
const strip = crops.length * (SIDE + 2);
const plot = { x: strip + 70, y: 30, width: 260, height: 132 };
const curve = [...face.meanDistances].sort((a, b) => a.offsetFrames - b.offsetFrames);
const distances = curve.map(({ distance }) => distance);
const largest = curve.at(-1).offsetFrames;
const [low, high] = [Math.min(...distances), Math.max(...distances)];
const xOf = (offset) => (plot.x + ((offset + largest) / (2 * largest)) * plot.width).toFixed(1);
const yOf = (distance) =>
  (plot.y + plot.height - ((distance - low) / (high - low)) * (plot.height - 16) - 8).toFixed(1);
const svg = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${plot.x + plot.width + 20} 200" font-family="system-ui, sans-serif" font-size="12" role="img">
<title>${face.sentence}</title>
<style>.ink { fill: #5f6b7a } @media (prefers-color-scheme: dark) { .ink { fill: #b6bec9 } }</style>
<g class="ink">
<text x="0" y="18">mouth crops</text>
${crops.map((href, i) => `<image href="${href}" x="${i * (SIDE + 2)}" y="26" width="${SIDE}" height="${SIDE}"/>`).join('\n')}
<text x="0" y="108">mel spectrogram</text>
<image href="${melPng(columns)}" x="0" y="116" width="${strip - 2}" height="62" preserveAspectRatio="none"/>
<text x="${plot.x}" y="18">mean distance by offset</text>
<rect x="${plot.x}" y="${plot.y}" width="${plot.width}" height="${plot.height}" fill="none" stroke="#8a93a0" stroke-opacity=".6"/>
<polyline fill="none" stroke="#2f6fde" stroke-width="2" points="${curve.map(({ offsetFrames, distance }) => `${xOf(offsetFrames)},${yOf(distance)}`).join(' ')}"/>
<circle cx="${xOf(face.offsetFrames)}" cy="${yOf(low)}" r="4" fill="#d9480f"/>
${[-10, -5, 0, 5, 10].map((offset) => `<text x="${xOf(offset)}" y="${plot.y + plot.height + 14}" text-anchor="middle">${offset}</text>`).join('')}
<text x="${plot.x + plot.width / 2}" y="${plot.y + plot.height + 30}" text-anchor="middle">offset in frames (positive: the audio is early)</text>
<text x="0" y="196" font-size="13" font-weight="600">${face.sentence}; LSE-D ${face.lseD.toFixed(3)}, LSE-C ${face.lseC.toFixed(3)}</text>
</g>
</svg>
`;
writeFileSync(out, svg);
console.error(`${out}: ${face.sentence}`);
expert.dispose();
detector.dispose();
