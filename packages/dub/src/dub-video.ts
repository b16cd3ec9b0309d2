import { fail, storedShape } from '@lipsync/contracts';
import type { FaceTrack, LandmarkDetector, Mel, MediaReader, VideoFrame } from '@lipsync/contracts';
import { openTrackedVideo, UnusableVideo, type TrackedVideo } from '@lipsync/sync-windows';
import { disposeReferences, type DinetGenerator, type DinetReferences } from '@lipsync/dinet';
import { planCrops, type CollectTracksOptions, type CropPlan } from '@lipsync/face-crop';
import { encodeVideo, type FfmpegReader } from '@lipsync/media';
import * as tf from '@tensorflow/tfjs-core';
import { spreadReferences } from './dub-references';
import { MouthPatch } from './mouth-patch';
import { pingPong } from './ping-pong';
import { SoundAround, soundOfLength } from '@lipsync/sync-windows';

/** Pictures a second, of what generators were trained on and of what is written. */
export const DUB_FPS = 25;
const SAMPLE_RATE = 16000;

export type DubOptions = {
  /** Paints; borrowed. It is put into evaluation mode. */
  generator: DinetGenerator;
  /** Pixels on a side of the mouth box that it was trained with: 64, 128, 256; a multiple of 32. */
  mouth: number;
  reader: FfmpegReader;
  detector: LandmarkDetector;
  /** How detections become tracks, and in pictures of what longer side faces are followed. */
  collect?: CollectTracksOptions;
  lookSide?: number;
  /** The face that is painted, by its id as `score` names it. Default: the one with the most pictures times its size. */
  face?: number;
  /** Pictures of the video, by their index at 25 a second, that show what the face looks like. Default `spread`: see `spreadReferences`. */
  references?: readonly number[] | 'spread';
  /** Logits for each picture of the sound, for a generator that listens to those; see `asrLogits`. */
  features?: Mel;
  /**
   * `sound`: as long as the sound; the video is cut, or goes on backwards and forwards. `video`: as long as the video; the sound is cut, or silence
   * follows. Default `sound`.
   */
  length?: 'sound' | 'video';
  /** x264's constant rate factor of what is written. Default 16. */
  crf?: number;
  /** Width of the soft edge inside the mouth box, as a share of its side. Default 1/16. */
  feather?: number;
  /** Bytes of decoded pictures that are held for playing backwards. Default 128 MiB. */
  keepBytes?: number;
  /** Stops; nothing is left behind then. */
  signal?: AbortSignal;
  onProgress?: (progress: DubProgress) => void;
  /** Told what a user should know. */
  log?: (line: string) => void;
};

/** How far it is: of the first pass the number of pictures is a guess. */
export type DubProgress = { pass: 'faces' | 'paint'; done: number; total: number };

/** What was done. */
export type DubReport = {
  video: string;
  sound: string;
  out: string;
  width: number;
  height: number;
  fps: number;
  /** Pictures written: those painted, and those that show no face that is painted. */
  pictures: number;
  painted: number;
  kept: number;
  /** Seconds of what was written. */
  durationSec: number;
  /** The face that was painted, its pictures in the video, and its crop radius in pixels. */
  face: { track: number; firstFrame: number; frames: number; detectionScore: number; radius: number };
  /** Faces that were found in all. */
  faces: number;
  /** Indices of the reference pictures in the video at 25 pictures a second. */
  references: number[];
  mouth: number;
  /** Seconds of the clock: for finding faces, for the references, for the second pass, and of that in the network. */
  seconds: { faces: number; references: number; paint: number; network: number };
  /** Pictures written a second of the second pass. */
  picturesPerSecond: number;
};

/**
 * Paints the mouth of a face in a video so that it says what a sound says, and writes both as a film.
 *
 * First pass: the faces are followed at 25 pictures a second. Then the reference pictures are cut and encoded once. Second pass: the face image of each
 * picture is cut as in training (`planCrops` with `dinet head`, one crop radius for the whole video), its mouth box masked and painted from the references
 * and the sound around it, and laid over the picture with a soft edge inside the mouth box; all other pixels, and pictures that do not show the face, stay
 * what they are but for the encoder. The sound goes in at its own rate with all its channels.
 *
 * Pictures are streams: memory does not grow with the length, apart from the landmarks (0.5 kB a picture) and a sum of each picture.
 *
 * @param video The film with the face; its own sound is not used.
 * @param sound A file with sound, a film too.
 * @param out Ends in .mp4, .m4v, .mov or .mkv; appears only when complete, and replaces what is there. Odd sides lose their last pixel.
 * @throws Error where there is no such face, no sound, a silent one, or `signal` fires; what the reader throws for files it cannot read.
 * @example
 * const { painted } = await dubVideo('talk.mp4', 'other.wav', 'dubbed.mp4', { generator, mouth: 64, reader: await openMedia(), detector });
 */
export async function dubVideo(video: string, sound: string, out: string, options: DubOptions): Promise<DubReport> {
  const { generator, mouth, reader, length = 'sound', crf = 16, feather, keepBytes, signal, onProgress = () => {}, log = () => {} } = options;
  const { config } = generator;
  const head = { kind: 'dinet head', mouth } as const;
  const shape = storedShape(head);
  checkOptions(options);
  generator.eval();

  let started = performance.now();
  const seconds = { faces: 0, references: 0, paint: 0, network: 0 };
  const lap = () => {
    const spent = (performance.now() - started) / 1000;
    started = performance.now();
    return spent;
  };

  const film = await openFilm(video, sound, options);
  seconds.faces = lap();
  const { tracked } = film;
  const track = chooseFace(tracked.tracks, options.face);
  const plan = planFace(track, tracked.picture, mouth, log);
  const references = referencePictures(track, config.references, options.references ?? 'spread');
  const patch = new MouthPatch({ mouth, side: plan.poses[2], feather });
  const count = length === 'sound' ? Math.ceil((tracked.sound.samples * DUB_FPS) / SAMPLE_RATE) : film.pictures;
  const { width, height } = tracked.picture;
  const even = { width: width - (width % 2), height: height - (height % 2) };
  if (even.width !== width || even.height !== height) log(`pictures of ${width} x ${height} are written as ${even.width} x ${even.height}: H.264 takes even sides`);

  const around =
    config.audio.kind === 'logits'
      ? new SoundAround(options.features!, { features: 'ASR_LOGITS', steps: config.audio.steps })
      : new SoundAround(soundOfLength(tracked.audio(), length === 'sound' ? tracked.sound.samples : (count * SAMPLE_RATE) / DUB_FPS), {
          features: 'THESIS_MEL',
          steps: config.audio.steps,
        });
  let encoded: DinetReferences | undefined;
  let painted = 0;
  let written = 0;
  const writer = encodeVideo(out, {
    ...even,
    fps: DUB_FPS,
    crf,
    soundFile: sound,
    ...(length === 'video' ? { soundSec: count / DUB_FPS } : {}),
    ffmpegPath: reader.ffmpeg.path,
    log,
  });
  try {
    encoded = await encodeReferences(generator, await cutReferences(tracked, track, plan, references, signal), shape);
    seconds.references = lap();

    const batchSize = Math.max(1, Math.min(16, Math.floor(PIXELS_AT_ONCE / (shape.width * shape.height)), Math.floor(BYTES_AT_ONCE / (width * height * 3))));
    const waiting: Waiting[] = [];
    const flush = async () => {
      const faces = waiting.filter((item) => item.face !== undefined);
      if (faces.length > 0) {
        const begun = performance.now();
        const pictures = await paint(generator, encoded!, faces.map(({ face }) => face!), shape, mouth);
        seconds.network += (performance.now() - begun) / 1000;
        const pixels = shape.height * shape.width * 3;
        faces.forEach(({ picture, face }, i) => patch.paste(picture, face!.left, face!.top, pictures.subarray(i * pixels, (i + 1) * pixels)));
        painted += faces.length;
      }
      for (const { picture } of waiting.splice(0)) {
        stopIf(signal);
        await writer.write(cutTo(picture, even));
        onProgress({ pass: 'paint', done: ++written, total: count });
      }
    };
    const read = (first: number) => reader.frames(video, { fps: DUB_FPS, first });
    let number = 0;
    for await (const picture of pingPong(read, { count, keepBytes, log })) {
      stopIf(signal);
      const index = picture.index - track.firstFrame;
      const shown = index >= 0 && index < track.frames;
      waiting.push({ picture, face: shown ? await lookAt(plan, picture, index, await around.window(number)) : undefined });
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
  seconds.paint = lap();
  return {
    ...{ video, sound, out, ...even, fps: DUB_FPS },
    ...{ pictures: written, painted, kept: written - painted, durationSec: written / DUB_FPS },
    face: { track: track.id, firstFrame: track.firstFrame, frames: track.frames, detectionScore: track.score, radius: plan.poses[2] / 2 },
    faces: tracked.tracks.length,
    references: references.map((frame) => frame + track.firstFrame),
    mouth,
    seconds,
    picturesPerSecond: written / seconds.paint,
  };
}

/** Pixels of face images in the network at once: 16 of 104 x 80. */
const PIXELS_AT_ONCE = 16 * 104 * 80;
/** Bytes of whole pictures that wait for the network. */
const BYTES_AT_ONCE = 64 * 2 ** 20;

/** A masked face image, its sound, and where its mouth box lies in the picture. */
type Face = { masked: Uint8Array; audio: Float32Array; left: number; top: number };
type Waiting = { picture: VideoFrame; face?: Face };

function stopIf(signal: AbortSignal | undefined): void {
  if (signal?.aborted) throw new Error('lipsync dub: stopped');
}

function checkOptions({ generator, features, mouth }: DubOptions): void {
  // The face image is 13/8 of the mouth high, and its sides are multiples of 4.
  if (!(Number.isInteger(mouth) && mouth > 0 && mouth % 32 === 0)) fail(RangeError, 'dubVideo', 'options.mouth', 'a multiple of 32 pixels', mouth);
  const { audio } = generator.config;
  if (audio.kind === 'logits' && !features) fail(TypeError, 'dubVideo', 'options.features', 'given: the generator listens to logits of a speech recogniser', 'none');
  if (audio.kind === 'mel' && features) fail(TypeError, 'dubVideo', 'options.features', 'left out: the generator listens to mel, made from the sound', 'some');
  const bins = features?.bins ?? 80;
  if (bins !== audio.bins) fail(TypeError, 'dubVideo', 'options.generator', `one that listens to ${bins} numbers a step`, audio.bins);
}

/** Follows the faces of a film as if the other sound were its own: the film's own may be missing. */
async function openFilm(video: string, sound: string, options: DubOptions): Promise<{ tracked: TrackedVideo; pictures: number }> {
  const { reader, detector, collect, lookSide, signal, onProgress = () => {} } = options;
  const [info, heard] = [await reader.probe(video), await reader.probe(sound)];
  if (!heard.audio) throw new Error(`lipsync dub: AUDIO must be a file with sound, got ${sound}`);
  const { audio } = heard;
  const guess = Math.max(1, Math.round(info.durationSec * DUB_FPS));
  let pictures = 0;
  const counted = (frames: AsyncIterable<VideoFrame>) => ({
    fps: DUB_FPS,
    async *[Symbol.asyncIterator]() {
      for await (const frame of frames) {
        stopIf(signal);
        pictures = Math.max(pictures, frame.index + 1);
        if (pictures % 5 === 0) onProgress({ pass: 'faces', done: pictures, total: Math.max(pictures, guess) });
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
    const tracked = await openTrackedVideo({ path: video, reader: watched, detector, collect, lookSide, fps: DUB_FPS, keepBytes: 0 });
    onProgress({ pass: 'faces', done: pictures, total: pictures });
    return { tracked, pictures };
  } catch (error) {
    if (!(error instanceof UnusableVideo)) throw error;
    const soundIsMeant = error.reason === 'silent' || error.reason === 'sound too short';
    throw new Error(`lipsync dub: ${soundIsMeant ? sound : video}: ${error.message}`, { cause: error });
  }
}

/** Pictures times the mean side of the box around the landmarks. */
function weightOf({ frames, points }: FaceTrack): number {
  let sum = 0;
  for (let frame = 0; frame < frames; frame++) {
    let [left, top, right, bottom] = [Infinity, Infinity, -Infinity, -Infinity];
    for (let i = 136 * frame; i < 136 * (frame + 1); i += 2) {
      [left, right] = [Math.min(left, points[i]), Math.max(right, points[i])];
      [top, bottom] = [Math.min(top, points[i + 1]), Math.max(bottom, points[i + 1])];
    }
    sum += Math.sqrt((right - left) * (bottom - top));
  }
  return sum;
}

function chooseFace(tracks: readonly FaceTrack[], wanted: number | undefined): FaceTrack {
  if (wanted === undefined) return tracks.reduce((best, track) => (weightOf(track) > weightOf(best) ? track : best));
  const found = tracks.find(({ id }) => id === wanted);
  const there = tracks.map(({ id, firstFrame, frames }) => `${id} (pictures ${firstFrame} to ${firstFrame + frames - 1})`).join(', ');
  return found ?? fail(RangeError, 'lipsync dub', '--face', there, wanted);
}

/** A face whose head crop leaves the picture all the time, as in close-ups, has its radius from what is seen, and black beyond. */
function planFace(track: FaceTrack, picture: { width: number; height: number }, mouth: number, log: (line: string) => void): CropPlan {
  try {
    return planCrops(track, { kind: 'dinet head', mouth }, picture);
  } catch (error) {
    const plan = planCrops(track, { kind: 'dinet head', mouth });
    log(`the head crop of face ${track.id} leaves the picture: what is missing is black to the generator (${(error as Error).message})`);
    return plan;
  }
}

/** Indices in the track. */
function referencePictures(track: FaceTrack, count: number, wanted: readonly number[] | 'spread'): number[] {
  if (wanted === 'spread') return spreadReferences(track, count);
  if (wanted.length !== count) fail(RangeError, 'lipsync dub', '--references', `${count} pictures, as many as the generator takes`, wanted.length);
  const [first, last] = [track.firstFrame, track.firstFrame + track.frames - 1];
  const bad = wanted.find((frame) => !(Number.isInteger(frame) && frame >= first && frame <= last));
  if (bad !== undefined) fail(RangeError, 'lipsync dub', '--references', `pictures that show the face, ${first} to ${last}`, bad);
  return wanted.map((frame) => frame - first);
}

/** The face images of some pictures, in the order asked for. */
async function cutReferences(tracked: TrackedVideo, track: FaceTrack, plan: CropPlan, wanted: readonly number[], signal?: AbortSignal): Promise<Uint8Array[]> {
  const crops = new Map<number, Uint8Array>();
  const last = Math.max(...wanted);
  for await (const picture of tracked.frames()) {
    stopIf(signal);
    const index = picture.index - track.firstFrame;
    if (wanted.includes(index)) crops.set(index, plan.cut(picture, index));
    if (index >= last) break;
  }
  return wanted.map((index) => crops.get(index) ?? fail(Error, 'lipsync dub', 'VIDEO', 'the same each time it is read', `no picture ${index + track.firstFrame}`));
}

async function encodeReferences(generator: DinetGenerator, crops: readonly Uint8Array[], { height, width }: { height: number; width: number }): Promise<DinetReferences> {
  const values = new Float32Array(height * width * crops.length * 3);
  crops.forEach((crop, slot) => {
    for (let p = 0; p < height * width; p++) {
      for (let colour = 0; colour < 3; colour++) values[(p * crops.length + slot) * 3 + colour] = crop[3 * p + colour] / 255;
    }
  });
  const references = tf.tensor4d(values, [1, height, width, crops.length * 3]);
  try {
    return generator.encodeReferences(references);
  } finally {
    references.dispose();
  }
}

async function lookAt(plan: CropPlan, picture: VideoFrame, index: number, audio: Float32Array): Promise<Face> {
  const [x, y, side] = plan.poses.subarray(4 * index, 4 * index + 4);
  return { masked: plan.cut(picture, index), audio, left: x - side / 2, top: y - side / 2 };
}

/** What the network makes of some faces: `[n, height, width, 3]`, 0..1. */
async function paint(
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
  const [top, left] = [mouth / 2, (width - mouth) / 2];
  faces.forEach((face, i) => {
    const picture = masked.subarray(i * pixels, (i + 1) * pixels);
    for (let k = 0; k < pixels; k++) picture[k] = face.masked[k] / 255;
    for (let row = top; row < top + mouth; row++) picture.fill(0, (row * width + left) * 3, (row * width + left + mouth) * 3);
    audio.set(face.audio, i * bins * steps);
  });
  const painted = tf.tidy(() => generator.paint(tf.tensor4d(masked, [faces.length, height, width, 3]), references, tf.tensor3d(audio, [faces.length, bins, steps])));
  try {
    return (await painted.data()) as Float32Array;
  } finally {
    painted.dispose();
  }
}

/** A picture without its last column or row, where its sides are odd. */
function cutTo(picture: VideoFrame, { width, height }: { width: number; height: number }): Uint8Array {
  if (picture.width === width) return picture.data.subarray(0, width * height * 3);
  const data = new Uint8Array(width * height * 3);
  for (let row = 0; row < height; row++) data.set(picture.data.subarray(row * picture.width * 3, (row * picture.width + width) * 3), row * width * 3);
  return data;
}
