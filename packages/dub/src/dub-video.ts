import type { FaceTrack, Features, LandmarkDetector, StoredCrop } from '@lipsync/contracts';
import { AUDIO_SAMPLE_RATE, fail, hiddenBox, storedShape } from '@lipsync/contracts';
import type { FaceGenerator } from '@lipsync/contracts/tensors';
import { type CollectTracksOptions, type CropPlan, planCrops } from '@lipsync/face-crop';
import { encodeVideo, type FfmpegReader, type VideoWriter } from '@lipsync/media';
import { audioOfLength, FeaturesAround, type TrackedVideo } from '@lipsync/sync-windows';
import { chooseFace } from './face/choose-face';
import { referenceFrames } from './face/references';
import { FaceRenderer } from './render/face-renderer';
import { backAndForth } from './video/back-and-forth';
import { followFaces } from './video/follow-faces';

/** Frame rate of the written video, and of the videos that generators were trained on. */
export const DUB_FPS = 25;

/** Options of `dubVideo`. */
export type DubOptions = {
  /** Borrowed; left in evaluation mode. */
  generator: FaceGenerator;
  /**
   * Head crops with a mouth box of so many pixels on a side, a multiple of 32: what the generator was trained with.
   * Default: the generator's `crop`.
   */
  mouth?: number;
  reader: FfmpegReader;
  /** Borrowed. */
  detector: LandmarkDetector;
  /** How detections become tracks. */
  collect?: CollectTracksOptions;
  /** Longer side, in pixels, of the frames in which faces are followed. Default: frames as they are. */
  detectionSide?: number;
  /** Id of the face to dub, as scores name it. Default: the face with the most frames times its size. */
  face?: number;
  /**
   * Frames of the video that serve as references, by their index at 25 frames a second; as many as the generator takes.
   * `spread`: over time and mouth openings, see `spreadReferences`. `same frame`: each frame is its own, for generators
   * of one reference; its mouth is then that of the old audio. Default: as the generator's recipe says.
   */
  references?: readonly number[] | 'spread' | 'same frame';
  /**
   * Logits for each frame of the audio, for a generator that takes logits. Default: mel features are computed from the
   * audio.
   */
  features?: Features;
  /**
   * `audio`: as long as the audio; the video is cut, or continues backwards and forwards. `video`: as long as the
   * video; the audio is cut, or followed by silence. Default `audio`.
   */
  length?: 'audio' | 'video';
  /** x264's constant rate factor. Default 16. */
  crf?: number;
  /** Width of the soft edge inside what is laid over the frame, as a share of its shorter side. Default 1/16. */
  feather?: number;
  /**
   * `matched`: generated faces get the colours of the frame around the hidden part, so that no box is seen. Default
   * `matched`.
   */
  colours?: 'matched' | 'as generated';
  /** Which audio track of the audio file is written, from 0; `reader` must read the same. Default: as it chooses. */
  audioTrack?: number;
  /** Bytes of decoded frames that are held for playing backwards. Default 128 MiB. */
  keepBytes?: number;
  /** Aborts; nothing is left behind then. */
  signal?: AbortSignal;
  onProgress?: (progress: DubProgress) => void;
  /** Called with what a user should know. */
  log?: (line: string) => void;
};

/**
 * Progress of a pass: `faces` follows them, `generate` writes the video. The total of the first pass is an estimate.
 */
export type DubProgress = { pass: 'faces' | 'generate'; done: number; total: number };

/** What was done. */
export type DubReport = {
  video: string;
  audio: string;
  out: string;
  width: number;
  height: number;
  fps: number;
  /** Frames written: `generated` and `kept`. */
  frameCount: number;
  /** Frames with a generated mouth. */
  generated: number;
  /** Frames that do not show the face, written as they are. */
  kept: number;
  /** Seconds of the written video. */
  durationSec: number;
  /** The dubbed face: its frames in the video, and its crop radius in pixels. */
  face: { track: number; firstFrame: number; frameCount: number; detectionScore: number; radius: number };
  /** Faces found in all. */
  faces: number;
  /** Indices of the reference frames in the video at 25 frames a second; none where each frame is its own. */
  references: number[];
  /** The face images that the generator took. */
  crop: StoredCrop;
  /** Rows of the face image that were hidden from it; of DINet the side of the mouth box. */
  mouth: number;
  /** What is unusual about the files, in sentences: several tracks, channels out of phase, damage that was concealed. */
  notes: string[];
  /** Wall-clock seconds: following faces, encoding references, writing the video, and of the latter in the network. */
  seconds: { faces: number; references: number; generate: number; network: number };
  /** Written frames a second of the last pass. */
  framesPerSecond: number;
};

/**
 * Dubs a video: generates the mouth of one face to other audio and writes both as a video.
 *
 * First pass: the faces are followed at 25 frames a second. Then the reference frames are cut and encoded once, unless
 * each frame is its own. Second pass: the face image of each frame is cut as in training (`planCrops`, one crop radius
 * for the whole video), its hidden part generated from the references and the audio around the frame, given the colours
 * around it, and laid over the frame with a soft edge inside. All other pixels, and frames that do not show the face, only go
 * through the encoder. The audio is written at its own rate with all its channels.
 *
 * Frames are streamed: memory does not grow with the length, apart from the landmarks (0.5 kB a frame) and a checksum
 * of each frame.
 *
 * @param video The video with the face; its own audio is not used.
 * @param audio A file with audio; may be a video.
 * @param out Ends in .mp4, .m4v, .mov or .mkv; appears only when complete, and replaces an existing file. Odd sides
 *   lose their last pixel.
 * @throws Error where the video has no face, the audio is missing or silent, or `signal` fires; RangeError for a face
 *   or references that are not there; errors of the reader for files that it cannot read.
 * @example
 * import { loadDinet } from '@lipsync/dinet';
 * import { dubVideo } from '@lipsync/dub';
 * import { createLandmarkDetector } from '@lipsync/face-crop';
 * import { openMedia } from '@lipsync/media';
 * const generator = await loadDinet('weights.safetensors');
 * const [reader, detector] = [await openMedia(), await createLandmarkDetector()];
 * const options = { generator, mouth: 64, reader, detector };
 * const { generated } = await dubVideo('talk.mp4', 'other.wav', 'dubbed.mp4', options);
 * console.log(generated);
 * detector.dispose();
 * generator.dispose();
 */
export async function dubVideo(video: string, audio: string, out: string, options: DubOptions): Promise<DubReport> {
  const { generator, reader, length = 'audio', crf = 16, log = () => {} } = options;
  const crop = cropOf(options);
  checkOptions(options);
  generator.eval();
  const lap = stopwatch();
  const tracked = await followFaces(video, audio, { ...options, fps: DUB_FPS });
  const faces = lap();
  const face = planFace(tracked, options, crop);
  const count =
    length === 'audio' ? Math.ceil((tracked.audioLevel.samples * DUB_FPS) / AUDIO_SAMPLE_RATE) : tracked.frameCount;
  const size = evenSize(tracked.frameSize, log);
  const around = featuresAround(tracked, options, count);
  const writer = encodeVideo(out, {
    ...{ ...size, fps: DUB_FPS, crf, audioFile: audio, ffmpegPath: reader.ffmpeg.path, log },
    audioTrack: options.audioTrack,
    ...(length === 'video' ? { audioSec: count / DUB_FPS } : {}),
  });
  const { track, plan, references } = face;
  const { feather, colours = 'matched' } = options;
  const renderer = new FaceRenderer({ generator, crop, feather, colours, plan, frameSize: tracked.frameSize });
  let referenceSeconds = 0;
  try {
    if (references.length > 0) await renderer.encodeReferences(await cutReferences(tracked, face, options.signal));
    referenceSeconds = lap();
    await writeFrames(video, options, { face, renderer, around, writer, count, size });
    stopIf(options.signal);
    await writer.finish();
  } finally {
    await writer.abort();
    await around.close();
    renderer.dispose();
    tracked.release();
  }
  const damage = [await reader.concealed?.(video), await reader.concealed?.(audio)];
  const notes = [...(tracked.info.notes ?? []), ...damage.flatMap((found) => (found ? [found.note] : []))];
  const seconds = { faces, references: referenceSeconds, generate: lap(), network: renderer.networkSeconds };
  const { generated } = renderer;
  return {
    ...{ video, audio, out, ...size, fps: DUB_FPS },
    ...{ frameCount: count, generated, kept: count - generated, durationSec: count / DUB_FPS },
    face: {
      ...{ track: track.id, firstFrame: track.firstFrame, frameCount: track.frameCount },
      ...{ detectionScore: track.score, radius: plan.poses[2] / 2 },
    },
    ...{ faces: tracked.tracks.length, references: references.map((frame) => frame + track.firstFrame) },
    ...{
      crop,
      mouth: hiddenBox(generator.recipe.hidden, { ...storedShape(crop), crop }).height,
      notes,
      seconds,
      framesPerSecond: count / seconds.generate,
    },
  };
}

/** The face to dub, where its face images lie, and its reference frames by their index in the track. */
type DubbedFace = { track: FaceTrack; plan: CropPlan; references: number[] };

type Size = { width: number; height: number };

/** Second pass: every frame goes through the renderer to the writer, in batches. */
async function writeFrames(
  video: string,
  { reader, keepBytes, signal, onProgress = () => {}, log = () => {} }: DubOptions,
  parts: {
    face: DubbedFace;
    renderer: FaceRenderer;
    around: FeaturesAround;
    writer: VideoWriter;
    count: number;
    size: Size;
  },
): Promise<void> {
  const { renderer, around, writer, count, size } = parts;
  const { track } = parts.face;
  let written = 0;
  const write = async () => {
    for (const frame of await renderer.render()) {
      stopIf(signal);
      await writer.write(cutTo(frame, size));
      onProgress({ pass: 'generate', done: ++written, total: count });
    }
  };
  const read = (first: number) => reader.frames(video, { fps: DUB_FPS, first });
  let number = 0;
  for await (const frame of backAndForth(read, { count, keepBytes, log })) {
    stopIf(signal);
    const index = frame.index - track.firstFrame;
    const shown = index >= 0 && index < track.frameCount;
    renderer.add(frame, shown ? { index, audio: await around.window(number) } : undefined);
    number++;
    if (renderer.isFull) await write();
  }
  await write();
}

/** The face images that the generator takes. */
function cropOf({ generator, mouth }: DubOptions): StoredCrop {
  const where = 'dubVideo';
  // The face image is 13/8 of the mouth high, and its sides are multiples of 4.
  if (mouth !== undefined && !(Number.isInteger(mouth) && mouth > 0 && mouth % 32 === 0))
    fail(RangeError, where, 'options.mouth', 'a multiple of 32 pixels', mouth);
  const crop: StoredCrop | undefined = mouth === undefined ? generator.crop : { kind: 'dinet head', mouth };
  if (!crop) return fail(TypeError, where, 'options.mouth', 'given: the generator’s file does not say it', 'none');
  const { crops } = generator.recipe;
  if (!crops.includes(crop.kind)) fail(TypeError, where, 'options.generator', `one that fills ${crop.kind}`, crops);
  return crop;
}

function checkOptions({ generator, features, references }: DubOptions): void {
  const where = 'dubVideo';
  const { audio, references: count } = generator.recipe;
  if (audio.kind === 'logits' && !features)
    fail(TypeError, where, 'options.features', 'given: the generator takes logits of a speech recogniser', 'none');
  if (audio.kind === 'mel' && features)
    fail(TypeError, where, 'options.features', 'left out: the generator takes mel features of the audio', 'some');
  const bins = features?.bins ?? 80;
  if (bins !== audio.bins)
    fail(TypeError, where, 'options.generator', `one that takes ${bins} values a step`, audio.bins);
  if (references === 'same frame' && count !== 1)
    fail(TypeError, where, 'options.references', `frames, of which the generator takes ${count}`, references);
}

function planFace(tracked: TrackedVideo, options: DubOptions, crop: StoredCrop): DubbedFace {
  const { face, log = () => {} } = options;
  const { references: count, dubbedWith } = options.generator.recipe;
  const { references = dubbedWith === 'same frame' ? dubbedWith : 'spread' } = options;
  const track = chooseFace(tracked.tracks, face);
  const plan = planImages(track, tracked.frameSize, { crop, log });
  return { track, plan, references: references === 'same frame' ? [] : referenceFrames(track, count, references) };
}

/**
 * Where a head crop never fits into the frame, as in close-ups, its radius is that of the face alone, and missing parts
 * are black.
 */
function planImages(
  track: FaceTrack,
  frame: Size,
  { crop, log }: { crop: StoredCrop; log: (line: string) => void },
): CropPlan {
  try {
    return planCrops(track, crop, frame);
  } catch (error) {
    const plan = planCrops(track, crop);
    const reason = (error as Error).message;
    log(`the face images of face ${track.id} leave the frame: missing parts are black for the generator (${reason})`);
    return plan;
  }
}

/**
 * The features around each frame: the logits that were given, or mel features of the audio at the length of the dub.
 */
function featuresAround(
  tracked: TrackedVideo,
  { generator, features, length = 'audio' }: DubOptions,
  count: number,
): FeaturesAround {
  const { kind, steps, firstFrame } = generator.recipe.audio;
  if (kind === 'logits') return new FeaturesAround(features!, { features: 'ASR_LOGITS', steps, firstFrame });
  const samples = length === 'audio' ? tracked.audioLevel.samples : (count * AUDIO_SAMPLE_RATE) / DUB_FPS;
  return new FeaturesAround(audioOfLength(tracked.audio(), samples), { features: 'THESIS_MEL', steps, firstFrame });
}

/** The face images of the reference frames, in the order asked for. */
async function cutReferences(
  tracked: TrackedVideo,
  { track, plan, references }: DubbedFace,
  signal?: AbortSignal,
): Promise<Uint8Array[]> {
  const crops = new Map<number, Uint8Array>();
  const last = Math.max(...references);
  for await (const frame of tracked.frames()) {
    stopIf(signal);
    const index = frame.index - track.firstFrame;
    if (references.includes(index)) crops.set(index, plan.cut(frame, index));
    if (index >= last) break;
  }
  return references.map((index) => {
    const got = `no frame ${index + track.firstFrame}`;
    return crops.get(index) ?? fail(Error, 'dubVideo', 'video', 'the same each time it is read', got);
  });
}

function evenSize({ width, height }: Size, log: (line: string) => void): Size {
  const even = { width: width - (width % 2), height: height - (height % 2) };
  if (even.width !== width || even.height !== height)
    log(`frames of ${width} x ${height} are written as ${even.width} x ${even.height}: H.264 takes even sides`);
  return even;
}

/** A frame without its last column or row, where its sides are odd. */
function cutTo(frame: { data: Uint8Array; width: number }, { width, height }: Size): Uint8Array {
  if (frame.width === width) return frame.data.subarray(0, width * height * 3);
  const data = new Uint8Array(width * height * 3);
  for (let row = 0; row < height; row++)
    data.set(frame.data.subarray(row * frame.width * 3, (row * frame.width + width) * 3), row * width * 3);
  return data;
}

function stopIf(signal: AbortSignal | undefined): void {
  if (signal?.aborted) throw new Error('dubVideo: stopped');
}

/** Seconds since the last call. */
function stopwatch(): () => number {
  let started = performance.now();
  return () => {
    const spent = (performance.now() - started) / 1000;
    started = performance.now();
    return spent;
  };
}
