import '@tensorflow/tfjs-backend-cpu';
import { meanOfFiles, scoreTable } from '@lipsync/cli';
import type { MediaReader, VideoFrame } from '@lipsync/contracts';
import type { SyncExpert } from '@lipsync/contracts/tensors';
import { PROTOCOLS } from '@lipsync/metrics';
import { SYNCNET_RECIPE } from '@lipsync/syncnet';
import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, expect, test } from 'vitest';
import { scoreProtocol, scoreVideo } from './score-video';

beforeAll(() => tf.setBackend('cpu'));

/** A video of `frames` frames that are all of one gray, their own number, and of `samples` samples of noise. */
function film({
  frameCount,
  samples,
  size = 224,
}: {
  frameCount: number;
  samples: number;
  size?: number;
}): MediaReader {
  const video = { width: size, height: size, fps: 25, rotation: 0 };
  return {
    probe: async () => ({ durationSec: frameCount / 25, video, audio: { sampleRate: 16000, channels: 1 } }) as never,
    frames: () => ({
      fps: 25,
      async *[Symbol.asyncIterator](): AsyncGenerator<VideoFrame> {
        for (let index = 0; index < frameCount; index++) {
          yield {
            data: new Uint8Array(size * size * 3).fill(index),
            width: size,
            height: size,
            index,
            timeSec: index / 25,
          };
        }
      },
    }),
    async *audio() {
      yield { samples: Float32Array.from({ length: samples }, (_, i) => Math.sin(i * i) / 2), sampleRate: 16000 };
    },
  } as MediaReader;
}

/** An expert that sees the number of a window's first frame and hears that of its place in time. */
function expert(): SyncExpert {
  let heard = 0;
  return {
    name: 'counter',
    recipe: SYNCNET_RECIPE,
    embeddingSize: 2,
    space: 'euclidean',
    weightsHash: 'abc',
    encodeVisual: (x) =>
      tf.tidy(
        () =>
          tf.concat(
            [tf.reshape(tf.slice(x, [0, 0, 0, 0], [-1, 1, 1, 1]), [-1, 1]), tf.zeros([x.shape[0], 1])],
            1,
          ) as tf.Tensor2D,
      ),
    encodeAudio: (features) => tf.tensor2d(Array.from({ length: features.shape[0] }, () => [heard++ + 2, 0])),
    dispose: () => {},
  };
}

test.each([
  [20, 20 * 640, 15],
  [20, 30 * 640, 15], // the audio is longer
  [30, 20 * 640 + 639, 15], // the frames are more
  [20, 20 * 640 - 1, 14],
])(
  'scoreVideo counts windows of %i frames and %i samples as the reference does: %i',
  async (count, samples, windows) => {
    const before = tf.memory().numTensors;
    const { tracks, frameCount, problems } = await scoreVideo('x.avi', {
      expert: expert(),
      reader: film({ frameCount: count, samples }),
      protocol: PROTOCOLS['syncnet-demo'],
    });
    expect(problems).toEqual([]);
    expect(tracks[0].windows).toBe(windows);
    expect(frameCount).toBeLessThanOrEqual(frameCount);
    // audio i says i + 2: the audio of frame i is found two places earlier
    expect(tracks[0].offsetFrames).toBe(2);
    expect(tf.memory().numTensors).toBe(before);
  },
);

test('scoreVideo says why a file has no score by a protocol', async () => {
  const large = await scoreVideo('x.avi', {
    expert: expert(),
    reader: film({ frameCount: 20, samples: 12800, size: 240 }),
    protocol: PROTOCOLS['syncnet-demo'],
  });
  expect(large).toMatchObject({
    tracks: [],
    problems: [expect.stringContaining('frames of 240 x 240: the protocol takes face crops of 224 x 224')],
  });
  const short = await scoreVideo('x.avi', {
    expert: expert(),
    reader: film({ frameCount: 5, samples: 12800 }),
    protocol: PROTOCOLS['wav2lip-lrs'],
  });
  expect(short).toMatchObject({ tracks: [], problems: [expect.stringContaining('too short: 5 frames')] });
  const stretched = await scoreVideo('x.avi', {
    expert: expert(),
    reader: film({ frameCount: 12, samples: 12 * 640, size: 100 }),
    protocol: PROTOCOLS['wav2lip-lrs'],
  });
  expect(stretched.tracks).toHaveLength(1);
});

test('scoreProtocol carries rules, hash and what deviates, and refuses networks of other frames', async () => {
  const report = await scoreProtocol(expert(), { protocol: PROTOCOLS['syncnet-pipeline'] });
  expect(report).toMatchObject({
    name: 'syncnet-pipeline',
    expert: 'counter',
    weightsHash: 'abc',
    maxShift: 15,
    recipe: { crop: { kind: 'track box' } },
  });
  expect(report.hash).toMatch(/^[0-9a-f]{64}$/);
  expect(report.deviations.join()).toContain('not S3FD');
  const small = {
    ...expert(),
    recipe: { ...SYNCNET_RECIPE, crop: { kind: 'track box', scale: 0.4, size: 96 } },
  } as SyncExpert;
  await expect(scoreProtocol(small, { protocol: PROTOCOLS['syncnet-demo'] })).rejects.toThrow(
    'must be used with a network that sees 224 x 224 pixels, got counter (96 x 96)',
  );
});

test('scoreTable writes a line a face, and quotes what needs it', async () => {
  const scored = await scoreVideo('a,b.avi', {
    expert: expert(),
    reader: film({ frameCount: 12, samples: 12 * 640 }),
    protocol: PROTOCOLS['syncnet-demo'],
  });
  const failed = { file: 'c "d".avi', fps: 25, frameCount: 0, tracks: [], problems: ['no face: none'] };
  const [head, first, second] = scoreTable(await scoreProtocol(expert(), { protocol: PROTOCOLS['syncnet-demo'] }), [
    scored,
    failed,
  ]).split('\r\n');
  expect(head.split(',')).toContain('lse_d');
  expect(first).toMatch(/^"a,b\.avi",0,0,12,7,/);
  expect(second).toMatch(/^"c ""d""\.avi",,,.*no face: none,syncnet-demo,/);
  expect(meanOfFiles([scored, failed])).toMatchObject({ scores: 1, lseD: scored.tracks[0].lseD });
  expect(meanOfFiles([failed])).toBeUndefined();
});
