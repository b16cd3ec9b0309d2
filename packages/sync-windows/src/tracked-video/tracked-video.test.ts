import type { LandmarkDetector, MediaReader } from '@lipsync/contracts';
import { trackFromLandmarks } from '@lipsync/face-crop';
import { expect, test } from 'vitest';
import { facePoints, HEIGHT, madeMedia, WIDTH } from '../testing/made-video';
import { openTrackedVideo, type TrackingEvent, trackVideo } from './tracked-video';

const faces = [{ from: 0, to: 1e9, x: 60 }];

test('openTrackedVideo follows the faces and measures the audio', async () => {
  const made = madeMedia({ 'a.mp4': { frameCount: 30, faces } });
  const video = await openTrackedVideo({ path: 'a.mp4', reader: made.reader, detector: made.detectorFor('a.mp4') });
  expect(video.tracks.map((track) => [track.id, track.firstFrame, track.frameCount])).toEqual([[0, 0, 30]]);
  expect(video.frameSize).toEqual({ width: WIDTH, height: HEIGHT });
  expect(video.audioLevel.samples).toBe(30 * 640);
  expect(video.audioLevel.peak).toBeCloseTo(0.5, 6); // measured 0
});

test('trackVideo offers the audio before it searches, tells what each frame shows, and the video knows its length', async () => {
  const made = madeMedia({ 'a.mp4': { frameCount: 8, faces: [{ from: 2, to: 8, x: 60 }] } });
  const events: TrackingEvent[] = [];
  const options = { path: 'a.mp4', reader: made.reader, detector: made.detectorFor('a.mp4'), collect: { stride: 2 } };
  for await (const event of trackVideo(options)) {
    if (event.kind === 'open') {
      expect([made.counts.framePasses, event.audioLevel.samples]).toEqual([0, 8 * 640]);
      for await (const piece of event.audio()) expect(piece.sampleRate).toBe(16000);
    }
    events.push(event);
  }
  const frames = events.flatMap((event) => (event.kind === 'frame' ? [[event.frameIndex, event.faces]] : []));
  expect(frames).toEqual([
    [0, 0],
    [1, undefined],
    [2, 1],
    [3, undefined],
    [4, 1],
    [5, undefined],
    [6, 1],
    [7, undefined],
    [7, 1],
  ]);
  const last = events.at(-1)!;
  expect(last.kind === 'tracked' && last.video.frameCount).toBe(8);
});

test('whoever leaves trackVideo early leaves no decoder behind', async () => {
  const made = madeMedia({ 'a.mp4': { frameCount: 30, faces } });
  for await (const event of trackVideo({ path: 'a.mp4', reader: made.reader, detector: made.detectorFor('a.mp4') }))
    if (event.kind === 'frame' && event.frameIndex === 3) break;
  expect([made.counts.open, made.counts.frameCount]).toEqual([0, 4]);
});

test('the audio of another file stands for the own, which may be missing', async () => {
  const made = madeMedia({
    'mute.mp4': { frameCount: 30, faces, hasAudio: false },
    'voice.wav': { frameCount: 50, faces: [] },
  });
  const detector = made.detectorFor('mute.mp4');
  const video = await openTrackedVideo({ path: 'mute.mp4', audioPath: 'voice.wav', reader: made.reader, detector });
  expect([video.frameCount, video.audioLevel.samples]).toEqual([30, 50 * 640]);
});

test('kept frames are replayed without decoding until they are released', async () => {
  const made = madeMedia({ 'a.mp4': { frameCount: 30, faces } });
  const video = await openTrackedVideo({ path: 'a.mp4', reader: made.reader, detector: made.detectorFor('a.mp4') });
  const indices = async () => {
    const seen: number[] = [];
    for await (const frame of video.frames()) seen.push(frame.index);
    return seen;
  };
  const replayed = await indices();
  for await (const piece of video.audio()) expect(piece.sampleRate).toBe(16000);
  expect([made.counts.framePasses, made.counts.audioPasses]).toEqual([1, 1]);
  video.release();
  expect(await indices()).toEqual(replayed);
  for await (const piece of video.audio()) expect(piece.sampleRate).toBe(16000);
  expect([made.counts.framePasses, made.counts.audioPasses]).toEqual([2, 2]);
});

test('a video longer than keepBytes holds no frame: each is released before the next is read', async () => {
  const made = madeMedia({ 'a.mp4': { frameCount: 40, faces } });
  const video = await openTrackedVideo({
    path: 'a.mp4',
    reader: made.reader,
    detector: made.detectorFor('a.mp4'),
    keepBytes: 1000,
  });
  expect(made.counts.frameCount).toBe(40);
  for await (const frame of video.frames()) if (frame.index === 3) break;
  expect([made.counts.frameCount, made.counts.open]).toEqual([44, 0]);
  for await (const piece of video.audio()) expect(piece.sampleRate).toBe(16000);
  expect(made.counts.audioPasses).toBe(2);
});

test('given tracks need neither detector nor a first pass', async () => {
  const made = madeMedia({ 'a.mp4': { frameCount: 30, faces: [] } });
  const track = trackFromLandmarks(facePoints(60));
  const video = await openTrackedVideo({ path: 'a.mp4', reader: made.reader, tracks: [track] });
  expect([video.tracks, made.counts.framePasses, video.frameCount]).toEqual([[track], 0, 0]);
  for await (const frame of video.frames()) expect(frame.width).toBe(WIDTH);
  expect(video.frameCount).toBe(30);
});

test("errors of the detector are not the video's, and leave no decoder behind", async () => {
  const made = madeMedia({ 'a.mp4': { frameCount: 30, faces } });
  const detector = { ...made.detectorFor('a.mp4'), detect: () => Promise.reject(new Error('no weights')) };
  await expect(openTrackedVideo({ path: 'a.mp4', reader: made.reader, detector })).rejects.toThrow(/^no weights$/);
  expect(made.counts.open).toBe(0);
});

test('a reader that opens both streams at once is asked for both, and released', async () => {
  const made = madeMedia({
    'a.mp4': { frameCount: 30, faces },
    'mute.mp4': { frameCount: 30, faces, hasAudio: false },
  });
  const seen: string[] = [];
  const reader = {
    ...made.reader,
    probe: () => Promise.reject(new Error('probe must not be needed')),
    async both(path: string) {
      seen.push(`open ${path}`);
      const audio = { [Symbol.asyncIterator]: () => made.reader.audio(path)[Symbol.asyncIterator]() };
      const release = async () => void seen.push(`release ${path}`);
      return { info: await made.reader.probe(path), frames: made.reader.frames(path), audio, release };
    },
  };
  const detector = made.detectorFor('a.mp4');
  const video = await openTrackedVideo({ path: 'a.mp4', reader, detector });
  expect(video.tracks).toHaveLength(1);
  video.release();
  expect(seen).toEqual(['open a.mp4', 'release a.mp4']);
  await expect(openTrackedVideo({ path: 'mute.mp4', reader, detector })).rejects.toThrow('no audio');
  expect(seen.slice(2)).toEqual(['open mute.mp4', 'release mute.mp4']);
  // Longer than what may be kept: the run is given up before it is read.
  await openTrackedVideo({ path: 'a.mp4', reader, detector, keepBytes: 1000 });
  expect(seen.slice(4)).toEqual(['open a.mp4', 'release a.mp4']);
});

/**
 * A reader of videos four times as large as the made ones, whose views are the made ones themselves or a part of the
 * large ones.
 */
function large(made: ReturnType<typeof madeMedia>) {
  const asked: object[] = [];
  const enlarge = { width: 4 * WIDTH, height: 4 * HEIGHT };
  const reader: MediaReader = {
    audio: (path) => made.reader.audio(path),
    async probe(path) {
      const info = await made.reader.probe(path);
      return { ...info, video: { ...info.video!, ...enlarge } };
    },
    frames: (path) => ({
      fps: 25,
      async *[Symbol.asyncIterator]() {
        for await (const frame of made.reader.frames(path))
          yield { ...frame, ...enlarge, data: new Uint8Array(enlarge.width * enlarge.height * 3) };
      },
    }),
    view(path, options) {
      asked.push(options);
      return made.reader.frames(path);
    },
  };
  return { reader, asked };
}

const faceOf =
  (scale: number) =>
  (made: ReturnType<typeof madeMedia>): LandmarkDetector => {
    const detector = made.detectorFor('a.mp4');
    const detect: LandmarkDetector['detect'] = async (frame) =>
      (await detector.detect(frame)).map((face) => ({
        ...face,
        points: face.points.map((value) => (value * scale * frame.width) / WIDTH),
      }));
    return { ...detector, detect };
  };

test('faces in large frames are followed in smaller ones, their points in pixels of the large', async () => {
  const made = madeMedia({ 'a.mp4': { frameCount: 30, faces } });
  const { reader, asked } = large(made);
  const options = { path: 'a.mp4', reader, detector: faceOf(3.2)(made) };
  const [seen, whole] = [await openTrackedVideo({ ...options, detectionSide: WIDTH }), await openTrackedVideo(options)];
  expect(asked).toEqual([{ fps: 25, maxSide: WIDTH }]);
  expect(seen.tracks).toEqual(whole.tracks);
  expect(seen.frameSize).toEqual({ width: 4 * WIDTH, height: 4 * HEIGHT });
  expect(seen.part!({ left: 0, top: 0, width: 8, height: 8 })).toBeDefined();
  expect(asked[1]).toEqual({ fps: 25, region: { left: 0, top: 0, width: 8, height: 8 } });
  expect(whole.part!({ left: 0, top: 0, width: 8, height: 8 })).toBeUndefined(); // its frames are kept
});

test('where a face is small in smaller frames, or there is none, the whole frames are looked at', async () => {
  const made = madeMedia({ 'a.mp4': { frameCount: 30, faces } });
  const { reader, asked } = large(made);
  const video = await openTrackedVideo({ path: 'a.mp4', reader, detector: faceOf(2.8)(made), detectionSide: WIDTH });
  expect([asked.length, made.counts.framePasses, made.counts.open]).toEqual([1, 2, 0]);
  expect(video.tracks).toHaveLength(1);
  const nobody = { ...faceOf(1)(made), detect: async () => [] };
  await expect(openTrackedVideo({ path: 'a.mp4', reader, detector: nobody, detectionSide: WIDTH })).rejects.toThrow(
    'no face found in 30 frames',
  );
  expect(made.counts.framePasses).toBe(4);
});

test('a video without a face says how large a face must be, where the detector tells', async () => {
  const made = madeMedia({ 'a.mp4': { frameCount: 30, faces: [] } });
  const { reader } = large(made);
  const nobody: LandmarkDetector = {
    ...made.detectorFor('a.mp4'),
    smallestFace: ({ width, height }) => Math.max(width, height) / 100,
  };
  const [width, height] = [4 * WIDTH, 4 * HEIGHT];
  await expect(openTrackedVideo({ path: 'a.mp4', reader, detector: nobody, detectionSide: WIDTH })).rejects.toThrow(
    `no face: no face found in 30 frames of ${width} x ${height}: ` +
      `from the brows to the chin a face must be at least ${Math.ceil(Math.max(width, height) / 100)} pixels high`,
  );
});
