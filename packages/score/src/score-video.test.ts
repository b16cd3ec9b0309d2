import '@tensorflow/tfjs-backend-cpu';
import type { LandmarkDetector, MediaReader, PublishedStreams, VideoFrame } from '@lipsync/contracts';
import type { SyncExpert } from '@lipsync/contracts/tensors';
import { PROTOCOLS } from '@lipsync/metrics';
import { EXPERT_SHA256 } from '@lipsync/pretrained';
import { SYNCNET_RECIPE } from '@lipsync/syncnet';
import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, expect, test } from 'vitest';
import { scoreProtocol } from './protocol/score-protocol';
import { scoreVideo } from './score-video';

beforeAll(() => tf.setBackend('cpu'));

/** A video of `frames` frames that are all of one gray, their own number, and of `samples` samples of noise. */
function video({
  frameCount,
  samples,
  size = 224,
}: {
  frameCount: number;
  samples: number;
  size?: number;
}): MediaReader {
  const stream = { width: size, height: size, fps: 25, rotation: 0 };
  return {
    probe: async () =>
      ({ durationSec: frameCount / 25, video: stream, audio: { sampleRate: 16000, channels: 1 } }) as never,
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

/** An expert that embeds the index of a window's first frame, and audio windows by their order. */
function expert(): SyncExpert {
  let order = 0;
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
    encodeAudio: (features) => tf.tensor2d(Array.from({ length: features.shape[0] }, () => [order++ + 2, 0])),
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
    const { faces, frameCount, problems, protocol } = await scoreVideo('x.avi', {
      expert: expert(),
      reader: video({ frameCount: count, samples }),
      protocol: PROTOCOLS['syncnet-demo'],
    });
    expect(problems).toEqual([]);
    expect(faces[0].windows).toBe(windows);
    expect(frameCount).toBe(count);
    expect(protocol.name).toBe('syncnet-demo');
    // audio window i has the value i + 2: the audio of frame i is found two windows earlier
    expect(faces[0].offsetFrames).toBe(2);
    expect(tf.memory().numTensors).toBe(before);
  },
);

test('scoreVideo reports why a file has no score by a protocol', async () => {
  const large = await scoreVideo('x.avi', {
    expert: expert(),
    reader: video({ frameCount: 20, samples: 12800, size: 240 }),
    protocol: PROTOCOLS['syncnet-demo'],
  });
  expect(large).toMatchObject({
    faces: [],
    problems: [expect.stringContaining('frames of 240 x 240: the protocol takes face crops of 224 x 224')],
  });
  const short = await scoreVideo('x.avi', {
    expert: expert(),
    reader: video({ frameCount: 5, samples: 12800 }),
    protocol: PROTOCOLS['wav2lip-lrs'],
  });
  expect(short).toMatchObject({ faces: [], problems: [expect.stringContaining('too short: 5 frames')] });
  const stretched = await scoreVideo('x.avi', {
    expert: expert(),
    reader: video({ frameCount: 12, samples: 12 * 640, size: 100 }),
    protocol: PROTOCOLS['wav2lip-lrs'],
  });
  expect(stretched.faces).toHaveLength(1);
});

test('a published protocol reads what the published scripts decode; the one beside it what every other score reads', async () => {
  const demo = PROTOCOLS['syncnet-demo'];
  const straight = video({ frameCount: 20, samples: 20 * 640 });
  // 24 frames of a file of 29.97 a second, counted as 25 a second.
  const jpeg = video({ frameCount: 24, samples: 24 * 640 });
  const reader: MediaReader = {
    ...straight,
    probe: async (path) => {
      const info = await straight.probe(path);
      return { ...info, video: { ...info.video!, fps: 29.97 } };
    },
    published: (path) => ({ frames: jpeg.frames(path), audio: jpeg.audio(path) }),
  };
  const asPublished = await scoreVideo('x.avi', { expert: expert(), reader, protocol: demo });
  expect(asPublished.frameCount).toBe(24);
  expect(asPublished.protocol.deviations).toEqual([
    'as published, frames at 29.97 a second are taken for 25 a second (protocol syncnet-demo-decoded takes them at their times)',
  ]);
  expect(asPublished.notes).toEqual(asPublished.protocol.deviations);
  const decoded = await scoreVideo('x.avi', { expert: expert(), reader, protocol: PROTOCOLS['syncnet-demo-decoded'] });
  expect(decoded.frameCount).toBe(20);
  expect(decoded.protocol.deviations).toHaveLength(3);
  const without = await scoreVideo('x.avi', { expert: expert(), reader: straight, protocol: demo });
  expect(without.protocol.deviations).toEqual([expect.stringContaining('this reader has no JPEG files')]);
});

/** A detector that sees one face, 120 pixels wide, from a frame on and until another. */
function seenFrom(first: number, end: number): LandmarkDetector {
  const points = Float32Array.from({ length: 136 }, (_, i) => 50 + 120 * ((i * 0.618) % 1));
  const detect: LandmarkDetector['detect'] = async ({ index }) =>
    index >= first && index < end ? [{ trackId: 1, points, score: 1, box: [50, 50, 170, 170] } as never] : [];
  return { scheme: 'ibug68', detect, reset() {}, dispose() {} };
}

/** A detector that sees the faces of two. */
function both(one: LandmarkDetector, other: LandmarkDetector): LandmarkDetector {
  const detect: LandmarkDetector['detect'] = async (frame) => [
    ...(await one.detect(frame)),
    ...(await other.detect(frame)).map((face) => ({ ...face, trackId: 2 })),
  ];
  return { ...one, detect };
}

/** What a reader gives, as published streams. */
const streamsOf = (reader: MediaReader): PublishedStreams => ({
  frames: reader.frames('x.avi'),
  audio: { [Symbol.asyncIterator]: () => reader.audio('x.avi')[Symbol.asyncIterator]() },
});

test('a published pipeline scores each face from the file of its crops; without one frames are decoded straight', async () => {
  const protocol = PROTOCOLS['syncnet-pipeline'];
  const rules = { ...protocol, tracks: { ...protocol.tracks, minFrames: 10, minFaceSize: 50 } };
  const straight = video({ frameCount: 40, samples: 40 * 640 });
  const calls: unknown[] = [];
  const reader: MediaReader = {
    ...straight,
    publishedPipeline: async (path, options) => {
      calls.push([path, options]);
      const transcoded = video({ frameCount: 41, samples: 41 * 640 });
      return {
        ...streamsOf(transcoded),
        crops(of) {
          calls.push(of);
          const crops: number[] = [];
          return {
            write: async (crop) => void crops.push(crop.length),
            async finish() {
              calls.push(crops);
              return streamsOf(video({ frameCount: crops.length, samples: crops.length * 640 - 1 }));
            },
          };
        },
        release: async () => void calls.push('released'),
      };
    },
  };
  const detector = seenFrom(4, 25);
  const score = await scoreVideo('x.avi', { expert: expert(), reader, detector, protocol: rules });
  expect(score.problems).toEqual([]);
  const crops = Array.from({ length: 21 }, () => 224 * 224 * 3);
  expect(calls).toEqual([['x.avi', { container: 'avi' }], { size: 224, firstFrame: 4 }, crops, 'released']);
  expect(score.frameCount).toBe(41);
  expect(score.faces).toHaveLength(1);
  // The crops' file has 21 frames and one sample less of audio: min(21, 20) - 5 windows, whose own frames count.
  expect(score.faces[0]).toMatchObject({ firstFrame: 4, frameCount: 21, windows: 15, offsetFrames: 2 });
  expect(score.faces[0].missingFrames).toBe(20);

  // The second face ends first, so its file is finished first.
  const two = both(seenFrom(2, 40), seenFrom(8, 28));
  const { faces } = await scoreVideo('x.avi', { expert: expert(), reader, detector: two, protocol: rules });
  expect(faces.map(({ track, firstFrame, missingFrames }) => [track, firstFrame, missingFrames])).toEqual([
    [0, 2, 3],
    [1, 8, 21],
  ]);
  expect(score.protocol.deviations).toEqual([expect.stringContaining('not S3FD')]);

  const late = seenFrom(30, 41);
  const short = { ...reader, publishedPipeline: shorterAudio(reader) };
  const unheard = await scoreVideo('x.avi', { expert: expert(), reader: short, detector: late, protocol: rules });
  expect(unheard.faces).toEqual([]);
  expect(unheard.problems).toEqual(['face 0: the audio ends 0.08 s after its first frame']);

  const without = await scoreVideo('x.avi', { expert: expert(), reader: straight, detector, protocol: rules });
  expect(without.protocol.deviations.at(-1)).toContain('this reader transcodes no video and writes no crops');
  expect(without.frameCount).toBe(40);
  const beside = { ...PROTOCOLS['syncnet-pipeline-decoded'], tracks: { ...rules.tracks, container: undefined } };
  const decoded = await scoreVideo('x.avi', { expert: expert(), reader, detector, protocol: beside });
  expect(decoded.frameCount).toBe(40);
  expect(decoded.protocol.deviations).toHaveLength(3);
});

/** The same pipeline with audio for 32 frames. */
const shorterAudio =
  ({ publishedPipeline }: MediaReader): MediaReader['publishedPipeline'] =>
  async (path, options) => ({
    ...(await publishedPipeline!(path, options)),
    audio: streamsOf(video({ frameCount: 1, samples: 32 * 640 })).audio,
  });

test('scoreProtocol carries rules, hash and deviations, and refuses networks of other frame sizes', async () => {
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
    'expert must be one that takes 224 x 224 pixels, as protocol syncnet-demo does, got counter, which takes 96 x 96',
  );
});

test('scoreVideo without an expert takes that of @lipsync/pretrained, and disposes it', async () => {
  const before = tf.memory().numTensors;
  const reader = video({ frameCount: 12, samples: 8000 });
  const detector: LandmarkDetector = { scheme: 'ibug68', detect: async () => [], reset() {}, dispose() {} };
  const { faces, problems, protocol } = await scoreVideo('x.avi', { reader, detector });
  expect([faces, problems.join()]).toEqual([[], expect.stringContaining('no face')]);
  expect(protocol).toMatchObject({ expert: 'AVAlignNet', weightsHash: EXPERT_SHA256 });
  expect(tf.memory().numTensors).toBe(before);
});
