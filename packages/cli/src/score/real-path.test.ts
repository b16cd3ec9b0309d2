import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type AVAlignNet, LITE, loadAVAlignNet, recipeOf } from '@lipsync/avalignnet';
import { selectBackend } from '@lipsync/backends';
import type { FaceTrack, LandmarkDetector, MediaReader } from '@lipsync/contracts';
import { createLandmarkDetector, trackFromLandmarks } from '@lipsync/face-crop';
import { type FfmpegReader, openMedia, shiftAudio } from '@lipsync/media';
import { scoreVideo } from '@lipsync/score';
import { LANDMARK_QUALITY, openTrackedVideo, streamSyncWindows } from '@lipsync/sync-windows';
import * as tf from '@tensorflow/tfjs-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { readNpz } from '../../../../tests/support/npz';

// The path on real talking faces with a network that PyTorch trained, against what the PyTorch path gave.

const root = fileURLToPath(new URL('../../../..', import.meta.url));
const SHARED = resolve(root, process.env.LIPSYNC_SHARED ?? '../shared');
const missing = !['weights/feasibility-10x48.safetensors', 'weights/path-check.npz', 'data/lrw-ar', 'data/wild'].every(
  (path) => existsSync(join(SHARED, path)),
);
const title = (text: string) => (missing ? `${text} (skipped: no shared data; LIPSYNC_SHARED names its folder)` : text);

const CLIPS = ['00158', '00238', '00613'];
let expert: AVAlignNet;
let reader: FfmpegReader;
let detector: LandmarkDetector;
let folder: string;

beforeAll(async () => {
  if (missing) return;
  await selectBackend({ backend: 'wasm' });
  expert = await loadAVAlignNet(await readFile(join(SHARED, 'weights/feasibility-10x48.safetensors')), {
    recipe: recipeOf(LITE),
  });
  reader = await openMedia({ log: () => {} });
  detector = await createLandmarkDetector(LANDMARK_QUALITY.fast.detector);
  folder = await mkdtemp(join(tmpdir(), 'real-path-'));
});
afterAll(async () => {
  expert?.dispose();
  detector?.dispose();
  if (folder) await rm(folder, { recursive: true });
});

/**
 * The frames as the PyTorch path had them, by `ffmpeg -r 25`: of 1.2 s at 30 fps (00238) it makes 32, where 30 is right
 * and ours.
 */
function asPyTorchDecoded(media: FfmpegReader): MediaReader {
  return {
    probe: (path) => media.probe(path),
    audio: (path, options) => media.audio(path, options),
    frames: (path) => ({
      fps: 25,
      async *[Symbol.asyncIterator]() {
        const args = ['-v', 'error', '-i', path, '-r', '25', '-f', 'rawvideo', '-pix_fmt', 'rgb24', 'pipe:1'];
        const bytes = execFileSync(media.ffmpeg.path, args, { maxBuffer: 1 << 30 });
        const size = 256 * 256 * 3;
        for (let index = 0; index < bytes.length / size; index++) {
          const data = new Uint8Array(bytes.subarray(index * size, (index + 1) * size));
          yield { data, width: 256, height: 256, index, timeSec: index / 25 };
        }
      },
    }),
  };
}

/** Cosines of all frame windows with all audio windows of a clip's first face. */
async function cosines(clip: string, tracks?: FaceTrack[]): Promise<Float32Array> {
  const path = join(SHARED, `data/lrw-ar/${clip}.mp4`);
  const video = await openTrackedVideo({
    path,
    reader: asPyTorchDecoded(reader),
    detector,
    tracks,
    collect: LANDMARK_QUALITY.fast.collect,
  });
  const frames: tf.Tensor3D[] = [];
  const features: tf.Tensor3D[] = [];
  for await (const window of streamSyncWindows(video, { recipe: expert.recipe, tracks: video.tracks.slice(0, 1) })) {
    frames.push(tf.tensor3d(window.frames, [48, 48, 30]));
    features.push(tf.tensor3d(window.features, [80, 32, 1]));
  }
  video.release();
  const product = tf.tidy(() => {
    const visual = expert.encodeVisual(tf.stack(frames) as tf.Tensor4D);
    const audio = expert.encodeAudio(tf.stack(features) as tf.Tensor4D);
    return tf.matMul(visual, audio, false, true);
  });
  const values = (await product.data()) as Float32Array;
  tf.dispose([product, ...frames, ...features]);
  return values;
}

const meanDifference = (a: ArrayLike<number>, b: ArrayLike<number>) =>
  Array.from(a, (value, index) => Math.abs(value - b[index])).reduce((sum, value) => sum + value, 0) / a.length;

test.skipIf(missing).each(CLIPS)(
  title('from given landmarks on, the cosines of %s are those of the PyTorch path'),
  async (clip) => {
    const check = await readNpz(join(SHARED, 'weights/path-check.npz'));
    const ours = await cosines(clip, [trackFromLandmarks(check.get(`${clip}_landmarks`)!.data as Float32Array)]);
    const theirs = check.get(`${clip}_cosine`)!.data;
    const windows = Math.sqrt(theirs.length);
    const ourWindows = Math.sqrt(ours.length);
    expect(ourWindows).toBeGreaterThanOrEqual(windows);
    let worst = 0;
    for (let row = 0; row < windows; row++) {
      for (let column = 0; column < windows; column++) {
        worst = Math.max(worst, Math.abs(ours[row * ourWindows + column] - theirs[row * windows + column]));
      }
    }
    console.info(`${clip}: largest difference of a cosine ${worst.toExponential(1)}`);
    expect(worst).toBeLessThan(0.01); // measured 0.0022, the largest of the three clips
  },
);

test.skipIf(missing).each(CLIPS)(
  title('with our own landmarks the cosines of %s stay near those of the PyTorch path'),
  async (clip) => {
    const check = await readNpz(join(SHARED, 'weights/path-check.npz'));
    const theirs = check.get(`${clip}_cosine`)!.data;
    const ours = await cosines(clip);
    const windows = Math.sqrt(theirs.length);
    const ourWindows = Math.sqrt(ours.length);
    const same = Float32Array.from(
      theirs,
      (_, index) => ours[Math.floor(index / windows) * ourWindows + (index % windows)],
    );
    const difference = meanDifference(same, theirs);
    console.info(`${clip}: mean difference of a cosine ${difference.toFixed(4)}`);
    expect(difference).toBeLessThan(0.02); // measured 0.0044, the largest of the three clips
  },
);

// The clip's own offset is unknown: what is tested is that the measured one moves with the audio.
let ownOffset: Promise<number> | undefined;
test.skipIf(missing).each([4, -8])(
  title('the audio of a real clip moved by %d frames moves its offset by as much'),
  async (frameCount) => {
    const clip = join(SHARED, 'data/wild/vr_3.mp4');
    const moved = join(folder, `moved${frameCount}.mp4`);
    await shiftAudio(clip, moved, { frameCount });
    const parts = { expert, reader, detector, collect: LANDMARK_QUALITY.fast.collect };
    const before = tf.memory().numTensors;
    const offsetOf = async (path: string) => (await scoreVideo(path, parts)).faces[0].offsetFrames;
    ownOffset ??= offsetOf(clip);
    const shift = (await ownOffset) - (await offsetOf(moved));
    expect(tf.memory().numTensors).toBe(before);
    expect(shift).toBeGreaterThanOrEqual(frameCount - 1);
    expect(shift).toBeLessThanOrEqual(frameCount + 1);
  },
  240_000,
);
