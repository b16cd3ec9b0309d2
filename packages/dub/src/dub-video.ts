import type { FaceTrack, Features, LandmarkDetector, MediaReader, VideoFrame } from '@lipsync/contracts';
import { fail, storedShape } from '@lipsync/contracts';
import { type DinetGenerator, type DinetReferences, disposeReferences } from '@lipsync/dinet';
import { type CollectTracksOptions, type CropPlan, headBox, landmarkBox, planCrops } from '@lipsync/face-crop';
import { encodeVideo, type FfmpegReader } from '@lipsync/media';
import {
  audioOfLength,
  FeaturesAround,
  openTrackedVideo,
  type TrackedVideo,
  UnusableVideo,
} from '@lipsync/sync-windows';
import * as tf from '@tensorflow/tfjs-core';
import { spreadReferences } from './dub-references';
import { MouthPatch } from './mouth-patch';
import { pingPong } from './ping-pong';

/** Frames a second, of what generators were trained on and of what is written. */
export const DUB_FPS = 25;
const SAMPLE_RATE = 16000;

export type DubOptions = {
  /** Paints; borrowed. It is put into evaluation mode. */
  generator: DinetGenerator;
  /** Pixels on a side of the mouth box that it was trained with: 64, 128, 256; a multiple of 32. */
  mouth: number;
  reader: FfmpegReader;
  detector: LandmarkDetector;
  /** How detections become tracks, and in frames of what longer side faces are followed. */
  collect?: CollectTracksOptions;
  detectionSide?: number;
  /** The face that is painted, by its id as `score` names it. Default: the one with the most frames times its size. */
  face?: number;
  /** Frames of the video, by their index at 25 a second, that show what the face looks like. Default `spread`: see `spreadReferences`. */
  references?: readonly number[] | 'spread';
  /** Logits for each frame of the audio, for a generator that listens to those; see `asrLogits`. */
  features?: Features;
  /**
   * `audio`: as long as the audio; the video is cut, or goes on backwards and forwards. `video`: as long as the video; the audio is cut, or silence
   * follows. Default `audio`.
   */
  length?: 'audio' | 'video';
  /** x264's constant rate factor of what is written. Default 16. */
  crf?: number;
  /** Width of the soft edge inside the mouth box, as a share of its side. Default 1/16. */
  feather?: number;
  /** Bytes of decoded frames that are held for playing backwards. Default 128 MiB. */
  keepBytes?: number;
  /** Stops; nothing is left behind then. */
  signal?: AbortSignal;
  onProgress?: (progress: DubProgress) => void;
  /** Told what a user should know. */
  log?: (line: string) => void;
};

/** How far it is: of the first pass the number of frames is a guess. */
export type DubProgress = { pass: 'faces' | 'paint'; done: number; total: number };

/** What was done. */
export type DubReport = {
  video: string;
  audio: string;
  out: string;
  width: number;
  height: number;
  fps: number;
  /** Frames written: those painted, and those that show no face that is painted. */
  frameCount: number;
  generated: number;
  kept: number;
  /** Seconds of what was written. */
  durationSec: number;
  /** The face that was painted, its frames in the video, and its crop radius in pixels. */
  face: { track: number; firstFrame: number; frameCount: number; detectionScore: number; radius: number };
  /** Faces that were found in all. */
  faces: number;
  /** Indices of the reference frames in the video at 25 frames a second. */
  references: number[];
  mouth: number;
  /** Seconds of the clock: for finding faces, for the references, for the second pass, and of that in the network. */
  seconds: { faces: number; references: number; generate: number; network: number };
  /** Frames written a second of the second pass. */
  framesPerSecond: number;
};

/**
 * Paints the mouth of a face in a video so that it says what an audio track says, and writes both as a video.
 *
 * First pass: the faces are followed at 25 frames a second. Then the reference frames are cut and encoded once. Second pass: the face image of each
 * frame is cut as in training (`planCrops` with `dinet head`, one crop radius for the whole video), its mouth box masked and painted from the references
 * and the audio around it, and laid over the frame with a soft edge inside the mouth box; all other pixels, and frames that do not show the face, stay
 * what they are but for the encoder. The audio goes in at its own rate with all its channels.
 *
 * Frames are streams: memory does not grow with the length, apart from the landmarks (0.5 kB a frame) and a sum of each frame.
 *
 * @param video The video with the face; its own audio is not used.
 * @param audio A file with audio, a video too.
 * @param out Ends in .mp4, .m4v, .mov or .mkv; appears only when complete, and replaces what is there. Odd sides lose their last pixel.
 * @throws Error where there is no such face, no audio, a silent one, or `signal` fires; what the reader throws for files it cannot read.
 * @example
 * const { painted } = await dubVideo('talk.mp4', 'other.wav', 'dubbed.mp4', { generator, mouth: 64, reader: await openMedia(), detector });
 */
export async function dubVideo(video: string, audio: string, out: string, options: DubOptions): Promise<DubReport> {
  const {
    generator,
    mouth,
    reader,
    length = 'audio',
    crf = 16,
    feather,
    keepBytes,
    signal,
    onProgress = () => {},
    log = () => {},
  } = options;
  const { config } = generator;
  const head = { kind: 'dinet head', mouth } as const;
  const shape = storedShape(head);
  checkOptions(options);
  generator.eval();

  let started = performance.now();
  const seconds = { faces: 0, references: 0, generate: 0, network: 0 };
  const lap = () => {
    const spent = (performance.now() - started) / 1000;
    started = performance.now();
    return spent;
  };

  const film = await openVideo(video, audio, options);
  seconds.faces = lap();
  const { tracked } = film;
  const track = chooseFace(tracked.tracks, options.face);
  const plan = planFace(track, tracked.frameSize, mouth, log);
  const references = referenceFrames(track, config.references, options.references ?? 'spread');
  const patch = new MouthPatch({ mouth, side: plan.poses[2], feather });
  const count = length === 'audio' ? Math.ceil((tracked.audioLevel.samples * DUB_FPS) / SAMPLE_RATE) : film.frameCount;
  const { width, height } = tracked.frameSize;
  const even = { width: width - (width % 2), height: height - (height % 2) };
  if (even.width !== width || even.height !== height)
    log(`frames of ${width} x ${height} are written as ${even.width} x ${even.height}: H.264 takes even sides`);

  const around =
    config.audio.kind === 'logits'
      ? new FeaturesAround(options.features!, { features: 'ASR_LOGITS', steps: config.audio.steps })
      : new FeaturesAround(
          audioOfLength(
            tracked.audio(),
            length === 'audio' ? tracked.audioLevel.samples : (count * SAMPLE_RATE) / DUB_FPS,
          ),
          {
            features: 'THESIS_MEL',
            steps: config.audio.steps,
          },
        );
  let encoded: DinetReferences | undefined;
  let generated = 0;
  let written = 0;
  const writer = encodeVideo(out, {
    ...even,
    fps: DUB_FPS,
    crf,
    audioFile: audio,
    ...(length === 'video' ? { audioSec: count / DUB_FPS } : {}),
    ffmpegPath: reader.ffmpeg.path,
    log,
  });
  try {
    encoded = await encodeReferences(generator, await cutReferences(tracked, track, plan, references, signal), shape);
    seconds.references = lap();

    const batchSize = Math.max(
      1,
      Math.min(
        16,
        Math.floor(PIXELS_AT_ONCE / (shape.width * shape.height)),
        Math.floor(BYTES_AT_ONCE / (width * height * 3)),
      ),
    );
    const waiting: Waiting[] = [];
    const flush = async () => {
      const faces = waiting.filter((item) => item.face !== undefined);
      if (faces.length > 0) {
        const begun = performance.now();
        const frames = await generate(
          generator,
          encoded!,
          faces.map(({ face }) => face!),
          shape,
          mouth,
        );
        seconds.network += (performance.now() - begun) / 1000;
        const pixels = shape.height * shape.width * 3;
        faces.forEach(({ frame, face }, i) =>
          patch.paste(frame, face!.left, face!.top, frames.subarray(i * pixels, (i + 1) * pixels)),
        );
        generated += faces.length;
      }
      for (const { frame } of waiting.splice(0)) {
        stopIf(signal);
        await writer.write(cutTo(frame, even));
        onProgress({ pass: 'paint', done: ++written, total: count });
      }
    };
    const read = (first: number) => reader.frames(video, { fps: DUB_FPS, first });
    let number = 0;
    for await (const frame of pingPong(read, { count, keepBytes, log })) {
      stopIf(signal);
      const index = frame.index - track.firstFrame;
      const shown = index >= 0 && index < track.frameCount;
      waiting.push({ frame, face: shown ? await lookAt(plan, frame, index, await around.window(number)) : undefined });
      number++;
      if (waiting.length >= batchSize) await flush();
    }
    await flush();
    stopIf(signal);
    await writer.finish();
  } finally {
    await writer.abort();
    await around.close();
    if (encoded) disposeReferences(encoded);
    tracked.release();
  }
  seconds.generate = lap();
  return {
    ...{ video, audio, out, ...even, fps: DUB_FPS },
    ...{ frameCount: written, generated, kept: written - generated, durationSec: written / DUB_FPS },
    face: {
      track: track.id,
      firstFrame: track.firstFrame,
      frameCount: track.frameCount,
      detectionScore: track.score,
      radius: plan.poses[2] / 2,
    },
    faces: tracked.tracks.length,
    references: references.map((frame) => frame + track.firstFrame),
    mouth,
    seconds,
    framesPerSecond: written / seconds.generate,
  };
}

/** Pixels of face images in the network at once: 16 of 104 x 80. */
const PIXELS_AT_ONCE = 16 * 104 * 80;
/** Bytes of whole frames that wait for the network. */
const BYTES_AT_ONCE = 64 * 2 ** 20;

/** A masked face image, its audio, and where its mouth box lies in the frame. */
type Face = { masked: Uint8Array; audio: Float32Array; left: number; top: number };
type Waiting = { frame: VideoFrame; face?: Face };

function stopIf(signal: AbortSignal | undefined): void {
  if (signal?.aborted) throw new Error('lipsync dub: stopped');
}

function checkOptions({ generator, features, mouth }: DubOptions): void {
  // The face image is 13/8 of the mouth high, and its sides are multiples of 4.
  if (!(Number.isInteger(mouth) && mouth > 0 && mouth % 32 === 0))
    fail(RangeError, 'dubVideo', 'options.mouth', 'a multiple of 32 pixels', mouth);
  const { audio } = generator.config;
  if (audio.kind === 'logits' && !features)
    fail(
      TypeError,
      'dubVideo',
      'options.features',
      'given: the generator listens to logits of a speech recogniser',
      'none',
    );
  if (audio.kind === 'mel' && features)
    fail(
      TypeError,
      'dubVideo',
      'options.features',
      'left out: the generator listens to mel, made from the audio',
      'some',
    );
  const bins = features?.bins ?? 80;
  if (bins !== audio.bins)
    fail(TypeError, 'dubVideo', 'options.generator', `one that listens to ${bins} numbers a step`, audio.bins);
}

/** Follows the faces of a video as if the other audio were its own: the video's own may be missing. */
async function openVideo(
  video: string,
  sound: string,
  options: DubOptions,
): Promise<{ tracked: TrackedVideo; frameCount: number }> {
  const { reader, detector, collect, detectionSide, signal, onProgress = () => {} } = options;
  const [info, heard] = [await reader.probe(video), await reader.probe(sound)];
  if (!heard.audio) throw new Error(`lipsync dub: AUDIO must be a file with audio, got ${sound}`);
  const { audio } = heard;
  const guess = Math.max(1, Math.round(info.durationSec * DUB_FPS));
  let frameCount = 0;
  const counted = (frames: AsyncIterable<VideoFrame>) => ({
    fps: DUB_FPS,
    async *[Symbol.asyncIterator]() {
      for await (const frame of frames) {
        stopIf(signal);
        frameCount = Math.max(frameCount, frame.index + 1);
        if (frameCount % 5 === 0) onProgress({ pass: 'faces', done: frameCount, total: Math.max(frameCount, guess) });
        yield frame;
      }
    },
  });
  const watched: MediaReader = {
    probe: async () => ({ ...info, audio }),
    frames: (path, wanted) => counted(reader.frames(path, wanted)),
    view: (path, wanted) => counted(reader.view(path, wanted)),
    audio: (_, wanted) => reader.audio(sound, wanted),
  };
  try {
    const tracked = await openTrackedVideo({
      path: video,
      reader: watched,
      detector,
      collect,
      detectionSide,
      fps: DUB_FPS,
      keepBytes: 0,
    });
    onProgress({ pass: 'faces', done: frameCount, total: frameCount });
    return { tracked, frameCount };
  } catch (error) {
    if (!(error instanceof UnusableVideo)) throw error;
    const audioIsMeant = error.reason === 'silent' || error.reason === 'audio too short';
    throw new Error(`lipsync dub: ${audioIsMeant ? sound : video}: ${error.message}`, { cause: error });
  }
}

/** Frames times the mean side of the box around the landmarks. */
function weightOf({ frameCount, points }: FaceTrack): number {
  let sum = 0;
  for (let frame = 0; frame < frameCount; frame++) {
    const { left, top, right, bottom } = landmarkBox(points.subarray(136 * frame, 136 * (frame + 1)));
    sum += Math.sqrt((right - left) * (bottom - top));
  }
  return sum;
}

function chooseFace(tracks: readonly FaceTrack[], wanted: number | undefined): FaceTrack {
  if (wanted === undefined) return tracks.reduce((best, track) => (weightOf(track) > weightOf(best) ? track : best));
  const found = tracks.find(({ id }) => id === wanted);
  const there = tracks
    .map(({ id, firstFrame, frameCount }) => `${id} (frames ${firstFrame} to ${firstFrame + frameCount - 1})`)
    .join(', ');
  return found ?? fail(RangeError, 'lipsync dub', '--face', there, wanted);
}

/** A face whose head crop leaves the frame all the time, as in close-ups, has its radius from what is seen, and black beyond. */
function planFace(
  track: FaceTrack,
  frame: { width: number; height: number },
  mouth: number,
  log: (line: string) => void,
): CropPlan {
  try {
    return planCrops(track, { kind: 'dinet head', mouth }, frame);
  } catch (error) {
    const plan = planCrops(track, { kind: 'dinet head', mouth });
    log(
      `the head crop of face ${track.id} leaves the frame: what is missing is black to the generator (${(error as Error).message})`,
    );
    return plan;
  }
}

/** Indices in the track. */
function referenceFrames(track: FaceTrack, count: number, wanted: readonly number[] | 'spread'): number[] {
  if (wanted === 'spread') return spreadReferences(track, count);
  if (wanted.length !== count)
    fail(RangeError, 'lipsync dub', '--references', `${count} frames, as many as the generator takes`, wanted.length);
  const [first, last] = [track.firstFrame, track.firstFrame + track.frameCount - 1];
  const bad = wanted.find((frame) => !(Number.isInteger(frame) && frame >= first && frame <= last));
  if (bad !== undefined)
    fail(RangeError, 'lipsync dub', '--references', `frames that show the face, ${first} to ${last}`, bad);
  return wanted.map((frame) => frame - first);
}

/** The face images of some frames, in the order asked for. */
async function cutReferences(
  tracked: TrackedVideo,
  track: FaceTrack,
  plan: CropPlan,
  wanted: readonly number[],
  signal?: AbortSignal,
): Promise<Uint8Array[]> {
  const crops = new Map<number, Uint8Array>();
  const last = Math.max(...wanted);
  for await (const frame of tracked.frames()) {
    stopIf(signal);
    const index = frame.index - track.firstFrame;
    if (wanted.includes(index)) crops.set(index, plan.cut(frame, index));
    if (index >= last) break;
  }
  return wanted.map(
    (index) =>
      crops.get(index) ??
      fail(Error, 'lipsync dub', 'VIDEO', 'the same each time it is read', `no frame ${index + track.firstFrame}`),
  );
}

async function encodeReferences(
  generator: DinetGenerator,
  crops: readonly Uint8Array[],
  { height, width }: { height: number; width: number },
): Promise<DinetReferences> {
  const values = new Float32Array(height * width * crops.length * 3);
  crops.forEach((crop, slot) => {
    for (let p = 0; p < height * width; p++) {
      for (let colour = 0; colour < 3; colour++)
        values[(p * crops.length + slot) * 3 + colour] = crop[3 * p + colour] / 255;
    }
  });
  const references = tf.tensor4d(values, [1, height, width, crops.length * 3]);
  try {
    return generator.encodeReferences(references);
  } finally {
    references.dispose();
  }
}

async function lookAt(plan: CropPlan, frame: VideoFrame, index: number, audio: Float32Array): Promise<Face> {
  const [x, y, side] = plan.poses.subarray(4 * index, 4 * index + 4);
  return { masked: plan.cut(frame, index), audio, left: x - side / 2, top: y - side / 2 };
}

/** What the network makes of some faces: `[n, height, width, 3]`, 0..1. */
async function generate(
  generator: DinetGenerator,
  references: DinetReferences,
  faces: readonly Face[],
  { height, width }: { height: number; width: number },
  mouth: number,
): Promise<Float32Array> {
  const { bins, steps } = generator.config.audio;
  const pixels = height * width * 3;
  const masked = new Float32Array(faces.length * pixels);
  const audio = new Float32Array(faces.length * bins * steps);
  const { top, left } = headBox(mouth);
  faces.forEach((face, i) => {
    const frame = masked.subarray(i * pixels, (i + 1) * pixels);
    for (let k = 0; k < pixels; k++) frame[k] = face.masked[k] / 255;
    for (let row = top; row < top + mouth; row++)
      frame.fill(0, (row * width + left) * 3, (row * width + left + mouth) * 3);
    audio.set(face.audio, i * bins * steps);
  });
  const generated = tf.tidy(() =>
    generator.generate(
      tf.tensor4d(masked, [faces.length, height, width, 3]),
      references,
      tf.tensor3d(audio, [faces.length, bins, steps]),
    ),
  );
  try {
    return (await generated.data()) as Float32Array;
  } finally {
    generated.dispose();
  }
}

/** A frame without its last column or row, where its sides are odd. */
function cutTo(frame: VideoFrame, { width, height }: { width: number; height: number }): Uint8Array {
  if (frame.width === width) return frame.data.subarray(0, width * height * 3);
  const data = new Uint8Array(width * height * 3);
  for (let row = 0; row < height; row++)
    data.set(frame.data.subarray(row * frame.width * 3, (row * frame.width + width) * 3), row * width * 3);
  return data;
}
