/**
 * What the pictures of docs/concepts.md show, measured on drawn talking faces with the packaged network.
 *
 * The frames of all videos are the same. `shifted`: audio in place, 5 frames early, 5 frames late. `changing`: early by 5 frames in the first half, late by
 * 5 in the second.
 */
import { join } from 'node:path';

const load = (path) => import(new URL(`../../../${path}/dist/index.js`, import.meta.url).href);
const FPS = 25;
const SHIFT = 5;
const WHO = { seed: 1, personSeed: 3 };

export async function measure(folder) {
  const [drawn, media, score] = await Promise.all(
    ['examples/embedded-data', 'packages/media', 'packages/score'].map(load),
  );
  const expert = await score.loadExpert();
  const reader = await media.openMedia();
  const tools = { ...drawn, ...media, ...score, expert, reader, folder };
  const shifted = [];
  for (const offsetFrames of [0, SHIFT, -SHIFT]) shifted.push(await measureShifted(tools, offsetFrames));
  const changing = await measureChanging(tools);
  expert.dispose();
  return { openings: openings(tools, 2), shifted, changing };
}

/** How wide the mouth is open in each frame of the first seconds, as it was drawn. */
function openings({ articulation, mouthOpening }, seconds) {
  const track = articulation(WHO.seed, 8 + 2); // writeTalkingFace draws a second of speech before and after
  return Array.from({ length: seconds * FPS }, (_, k) => rounded(mouthOpening(track.at(1 + (k + 0.5) / FPS))));
}

async function measureShifted({ writeTalkingFace, scoreVideo, folder, ...tools }, offsetFrames) {
  const path = join(folder, `shifted-${offsetFrames}.mp4`);
  await writeTalkingFace(path, { ...WHO, durationSec: 8, audioDelayFrames: -offsetFrames });
  const { faces } = await scoreVideo(path, tools);
  const [{ sentence, lseD, lseC, meanDistances, verdict }] = faces;
  const curve = meanDistances
    .map(({ offsetFrames: at, distance }) => [at, rounded(distance)])
    .sort((a, b) => a[0] - b[0]);
  const { samples, sampleRate } = await tools.joinWaveform(tools.reader.audio(path));
  return { sentence, confidence: verdict.confidence, lseD, lseC, curve, loudness: loudness(samples, sampleRate, 2) };
}

async function measureChanging({ writeTalkingFace, scoreVideo, joinWaveform, encodeVideo, reader, folder, expert }) {
  const still = join(folder, 'in-place.mp4');
  await writeTalkingFace(still, { ...WHO, durationSec: 20 });
  const { samples, sampleRate } = await joinWaveform(reader.audio(still));
  const shift = Math.round((SHIFT / FPS) * sampleRate);
  const audio = samples.map((_, i) => samples[i < samples.length / 2 ? i + shift : i - shift] ?? 0);
  const path = join(folder, 'changing.mp4');
  const writer = encodeVideo(path, { width: 256, height: 256, fps: FPS, audio: { samples: audio, sampleRate } });
  for await (const frame of reader.frames(still)) await writer.write(frame.data);
  await writer.finish();
  const { faces } = await scoreVideo(path, { expert, reader });
  const { sentence, overTime, parts } = faces[0].verdict;
  return { sentence, overTime, parts };
}

/** Root mean square of every hundredth of a second. */
function loudness(samples, sampleRate, seconds) {
  const hop = sampleRate / 100;
  return Array.from({ length: seconds * 100 }, (_, k) => {
    const part = samples.subarray(Math.round(k * hop), Math.round((k + 1) * hop));
    return rounded(Math.sqrt(part.reduce((sum, value) => sum + value * value, 0) / part.length));
  });
}

const rounded = (value) => Math.round(value * 1e4) / 1e4;
