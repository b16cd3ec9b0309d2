import '@tensorflow/tfjs-backend-cpu';
import { changeGain } from '@lipsync/audio-mel';
import { SPEECH_LOUDNESS, type SyncRecipe, type VideoFrame } from '@lipsync/contracts';
import type { SyncExpert } from '@lipsync/contracts/tensors';
import type { FrameWindow } from '@lipsync/sync-windows';
import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, test } from 'vitest';
import { HEIGHT, madeAudio, madeMedia, WIDTH } from '../../../sync-windows/src/testing/made-video';
import { similarity } from '../../../sync-windows/src/testing/made-windows';
import { scoreVideo } from '../score-video';
import { framesAtRate } from './images';
import { scoreFrames } from './score-frames';

beforeAll(() => tf.setBackend('cpu'));

const recipe: SyncRecipe = {
  frameCount: 5,
  fps: 25,
  crop: similarity(1.18, 4),
  color: 'RGB',
  range: [0, 1],
  features: 'THESIS_MEL',
  featureSteps: 16,
};

/** Embeds windows by a few of their values. */
const expert: SyncExpert = {
  name: 'values',
  recipe,
  embeddingSize: 3,
  space: 'euclidean',
  encodeVisual: (x) => values(x, [0, 100, 239]),
  encodeAudio: (x) => values(x, [0, 600, 1279]),
  dispose: () => {},
};

function values(x: tf.Tensor4D, at: number[]): tf.Tensor2D {
  return tf.tidy(() => tf.gather(tf.reshape(x, [x.shape[0], -1]) as tf.Tensor2D, at, 1));
}

/** Hears how loud three ranges of bins are. */
const hearing: SyncExpert = {
  ...expert,
  encodeAudio: (x) =>
    tf.tidy(() => {
      const range = (first: number) => tf.mean(tf.slice(x, [0, first, 0, 0], [-1, 20, -1, -1]), [1, 2, 3]);
      return tf.stack([range(0), range(20), range(40)], 1) as tf.Tensor2D;
    }),
};

async function allFrames(frames: AsyncIterable<VideoFrame>): Promise<VideoFrame[]> {
  const all: VideoFrame[] = [];
  for await (const frame of frames) all.push(frame);
  return all;
}

describe('scoreFrames', () => {
  const made = madeMedia({ 'a.mp4': { frameCount: 40, faces: [{ from: 3, to: 40, x: 60 }] } });
  const detector = made.detectorFor('a.mp4');
  const audio = { samples: madeAudio(40 * 640), sampleRate: 16000 };
  const collect = { stride: 1 };

  test('gives the score of the same frames in a file, leaves no tensor, and takes RGBA', async () => {
    const frames = await allFrames(made.reader.frames('a.mp4'));
    const before = tf.memory().numTensors;
    const wanted = await scoreVideo('a.mp4', { expert, reader: made.reader, detector, collect });
    expect(wanted.faces).toHaveLength(1);
    const score = await scoreFrames({ frames, audio }, { expert, detector, collect });
    expect(score).toEqual({ ...wanted, file: 'frames' });
    const rgba = frames.map(({ data, width, height }) => {
      const four = Uint8ClampedArray.from({ length: 4 * width * height }, (_, i) =>
        i % 4 === 3 ? 255 : data[3 * Math.floor(i / 4) + (i % 4)],
      );
      return { data: four, width, height };
    });
    expect((await scoreFrames({ frames: rgba, fps: 25, audio }, { expert, detector, collect })).faces).toEqual(
      wanted.faces,
    );
    expect(tf.memory().numTensors).toBe(before);
  });

  test('reads streams of frames, and brings other rates to that of the recipe', async () => {
    const twice = async function* () {
      for await (const frame of made.reader.frames('a.mp4')) {
        yield frame;
        yield frame;
      }
    };
    const [plain, doubled] = [
      await scoreFrames({ frames: made.reader.frames('a.mp4'), audio }, { expert, detector, collect }),
      await scoreFrames({ frames: twice(), fps: 50, audio }, { expert, detector, collect }),
    ];
    expect(doubled).toEqual(plain);
  });

  test('shows every window to onWindow, as the network sees it', async () => {
    const mouths = Array.from({ length: 9 }, (_, f) => ({
      data: new Uint8Array(48).fill(10 * f),
      width: 4,
      height: 4,
    }));
    const seen: [number, number, number[]][] = [];
    const onWindow = ({ track, startFrame, frames }: FrameWindow) =>
      seen.push([track.id, startFrame, [0, 3, 6, 9, 12].map((at) => Math.round(255 * frames[at]))]);
    await scoreFrames({ mouths, audio }, { expert, onWindow });
    expect(seen).toEqual(
      [0, 1, 2, 3, 4].map((start) => [0, start, [0, 1, 2, 3, 4].map((frame) => 10 * (start + frame))]),
    );
  });

  test('scores mouths that are cut already', async () => {
    const mouths = Array.from({ length: 30 }, (_, f) => ({
      data: Uint8Array.from({ length: 48 }, (_, i) => (i * 7 + f * 31) & 255),
      width: 4,
      height: 4,
    }));
    const short = { samples: audio.samples.subarray(0, 30 * 640), sampleRate: 16000 };
    const { faces, frameCount, problems } = await scoreFrames({ mouths, audio: short }, { expert });
    expect([faces.length, faces[0].windows, frameCount, problems]).toEqual([1, 26, 30, []]);
    expect(faces[0]).toMatchObject({ box: null, place: null, speaking: null, missingFrames: 0 }); // no landmarks
  });

  test.each([-20, -40])(
    'audio changed by %d dB has the same score where the recipe brings it to a level',
    async (gainDb) => {
      const frames = await allFrames(made.reader.frames('a.mp4'));
      const quiet = { samples: changeGain(audio.samples, gainDb), sampleRate: 16000 };
      const scores = async (used: SyncExpert) => [
        await scoreFrames({ frames, audio }, { expert: used, detector, collect }),
        await scoreFrames({ frames, audio: quiet }, { expert: used, detector, collect }),
      ];
      const [loud, same] = await scores({ ...hearing, recipe: { ...recipe, loudness: SPEECH_LOUDNESS } });
      expect(same.faces[0].offsetFrames).toBe(loud.faces[0].offsetFrames);
      expect(Math.abs(same.faces[0].lseC - loud.faces[0].lseC)).toBeLessThan(1e-4);
      expect(Math.abs(same.faces[0].lseD - loud.faces[0].lseD)).toBeLessThan(1e-4);
      expect(same.protocol.recipe.loudness).toEqual(SPEECH_LOUDNESS);
      const [plain, other] = await scores(hearing);
      expect(Math.abs(other.faces[0].lseD - plain.faces[0].lseD)).toBeGreaterThan(0.1);
      expect(other.problems.join()).toContain(gainDb === -40 ? 'audio is ' : '');
    },
  );

  test('refuses images and mouths that do not fit', async () => {
    const image = { data: new Uint8Array(WIDTH * HEIGHT * 3), width: WIDTH, height: HEIGHT };
    await expect(scoreFrames({ frames: [], audio }, { expert })).rejects.toThrow('frames must be at least one');
    await expect(scoreFrames({ frames: [image, { ...image, width: 3 }], audio }, { expert })).rejects.toThrow(
      'frames must be 3 x 80 pixels of 3 or 4 bytes each',
    );
    await expect(scoreFrames({ mouths: [image], audio }, { expert })).rejects.toThrow(
      'scoreFrames: mouths must be 4 x 4 pixels, got 120 x 80',
    );
    await expect(scoreFrames({ frames: [image], fps: 0, audio }, { expert })).rejects.toThrow('fps must be above 0');
    await expect(scoreFrames({ mouths: [image], audio })).rejects.toThrow(
      /mouths must be \d+ x \d+ pixels, got 120 x 80/,
    );
  });
});

// What `ffmpeg -r FROM -i … -vf fps=25` of ffmpeg 5.1 writes.
test.each([
  [4, 25, 25, [0, 1, 2, 3]],
  [6, 30, 25, [0, 1, 2, 4, 5]],
  [3, 12.5, 25, [0, 0, 1, 1, 2, 2]],
  [4, 50, 25, [0, 2]],
  [10, 60, 25, [1, 3, 5, 8]],
  [11, 29.97, 25, [0, 1, 2, 4, 5, 6, 7, 8, 10]],
])('framesAtRate shows %d images at %d per second at %d as ffmpeg does', (count, from, to, wanted) => {
  expect(framesAtRate(count, from, to)).toEqual(wanted);
});
