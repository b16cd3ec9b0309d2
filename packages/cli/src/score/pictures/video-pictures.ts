import { featureStream } from '@lipsync/audio-mel';
import { AUDIO_FEATURES, type MediaReader, type VideoFrame } from '@lipsync/contracts';
import { resizeBox, sampleSquare } from '@lipsync/face-crop';
import type { FaceScore, VideoScore } from '@lipsync/score';
import type { RgbImage } from './crop-collector';

/** A stretch of time of a video, seconds. */
export type TimeRange = { fromSec: number; toSec: number };

/** A whole frame, smaller, in which faces can be outlined. */
export type Overview = RgbImage & {
  timeSec: number;
  /** Size of the frame itself, pixels. */
  frame: { width: number; height: number };
};

const THUMBNAIL = 128;
const OVERVIEW = 480;
/** How much larger than the face's box its thumbnail is. */
const MARGIN = 1.7;

/** A picture of a face, from the middle of its time; undefined where its box is not known or the frame cannot be read. */
export async function faceThumbnail(
  { file, fps }: Pick<VideoScore, 'file' | 'fps'>,
  { box, firstFrame, frameCount }: Pick<FaceScore, 'box' | 'firstFrame' | 'frameCount'>,
  reader: MediaReader,
): Promise<RgbImage | undefined> {
  const frame = box ? await frameAt(file, firstFrame + (frameCount >> 1), { fps, reader }) : undefined;
  if (!box || !frame) return undefined;
  const side = MARGIN * Math.max(box.right - box.left, box.bottom - box.top);
  // The box ends at the brows: a little above its middle is the middle of the head.
  const square = { x: (box.left + box.right) / 2, y: (box.top + box.bottom) / 2 - 0.06 * side, side, angle: 0 };
  const times = Math.max(1, Math.ceil(side / THUMBNAIL));
  const sampled = {
    data: sampleSquare(frame, square, THUMBNAIL * times),
    width: THUMBNAIL * times,
    height: THUMBNAIL * times,
  };
  return averaged(sampled, times);
}

/** The frame in the middle of the time of the face that is seen longest. */
export async function overview(score: VideoScore, reader: MediaReader): Promise<Overview | undefined> {
  const [longest] = [...score.faces].sort((a, b) => b.frameCount - a.frameCount);
  if (!longest?.box) return undefined;
  const frame = await frameAt(score.file, longest.firstFrame + (longest.frameCount >> 1), { ...score, reader });
  if (!frame) return undefined;
  const { width, height, timeSec } = frame;
  const scale = Math.min(1, OVERVIEW / Math.max(width, height));
  const small = { width: Math.round(width * scale), height: Math.round(height * scale) };
  const data = resizeBox(frame, { left: 0, top: 0, width, height }, small);
  return { data, ...small, timeSec, frame: { width, height } };
}

/** The bytes of a frame; undefined where the video ends before it. */
async function frameAt(
  file: string,
  index: number,
  { fps, reader }: { fps: number; reader: MediaReader },
): Promise<VideoFrame | undefined> {
  for await (const frame of reader.frames(file, { fps, first: index })) if (frame.index >= index) return frame;
  return undefined;
}

function averaged({ data, width, height }: RgbImage, times: number): RgbImage {
  if (times === 1) return { data, width, height };
  const small = { width: width / times, height: height / times };
  const out = new Uint8Array(small.width * small.height * 3);
  for (let i = 0; i < out.length; i++) {
    const [channel, x, y] = [i % 3, Math.floor(i / 3) % small.width, Math.floor(i / 3 / small.width)];
    let sum = 0;
    for (let dy = 0; dy < times; dy++)
      for (let dx = 0; dx < times; dx++) sum += data[3 * ((y * times + dy) * width + x * times + dx) + channel];
    out[i] = Math.round(sum / times ** 2);
  }
  return { data: out, ...small };
}

const { bins: BINS, stepsPerSecond: STEPS_PER_SEC } = AUDIO_FEATURES.THESIS_MEL;
/** Values of the mel spectrogram that are shown darkest and brightest. */
const [SILENT, LOUD] = [-4, 4];

/** Mel spectrograms of stretches of a file's audio in one pass, low frequencies below; silence where there is none. */
export async function melPictures(
  file: string,
  ranges: readonly TimeRange[],
  reader: MediaReader,
): Promise<RgbImage[]> {
  const columns = ranges.map(({ fromSec, toSec }) => {
    const first = Math.round(fromSec * STEPS_PER_SEC);
    const count = Math.max(1, Math.round((toSec - fromSec) * STEPS_PER_SEC));
    return { first, count, values: new Float32Array(count * BINS).fill(SILENT) };
  });
  const end = Math.max(0, ...columns.map(({ first, count }) => first + count));
  const stream = featureStream('THESIS_MEL');
  let step = 0;
  for await (const { samples } of reader.audio(file)) {
    const rows = stream.push(samples);
    const steps = rows.length / BINS;
    for (const { first, count, values } of columns) {
      const [from, to] = [Math.max(step, first), Math.min(step + steps, first + count)];
      if (to > from) values.set(rows.subarray((from - step) * BINS, (to - step) * BINS), (from - first) * BINS);
    }
    step += steps;
    if (step >= end) break;
  }
  return columns.map(({ count, values }) => melImage(values, count));
}

function melImage(values: Float32Array, width: number): RgbImage {
  const data = new Uint8Array(width * BINS * 3);
  for (let y = 0; y < BINS; y++) {
    for (let x = 0; x < width; x++) {
      const value = values[x * BINS + BINS - 1 - y];
      data.set(heat(Math.min(1, Math.max(0, (value - SILENT) / (LOUD - SILENT)))), 3 * (y * width + x));
    }
  }
  return { data, width, height: BINS };
}

// From night blue over violet and orange to a light yellow: dark and bright pages can have the same picture.
const HEAT = [
  [13, 17, 38],
  [58, 36, 110],
  [150, 50, 110],
  [226, 110, 60],
  [252, 240, 170],
];

function heat(share: number): number[] {
  const at = share * (HEAT.length - 1);
  const low = Math.min(HEAT.length - 2, Math.floor(at));
  return HEAT[low].map((from, i) => Math.round(from + (at - low) * (HEAT[low + 1][i] - from)));
}
