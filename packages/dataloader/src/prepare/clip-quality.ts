import { voiceActivity } from '@lipsync/audio-mel';
import { AUDIO_SAMPLE_RATE } from '@lipsync/contracts';
import { cropJitter, faceAsymmetry } from '@lipsync/face-crop';
import { lowerMedian } from '@lipsync/nn';
import type { Clip, ClipQuality } from '../store/clip';
import type { DropReason } from '../store/store-records';
import type { QualityGates } from './preparation';

const LOOKS = 5; // frames whose sharpness is measured

/**
 * How well a clip shows its face.
 *
 * @param frame size of the video's frames.
 * @param sharpness of one stored frame; its median over five is kept.
 */
export function clipQuality(
  {
    frames,
    frameCount: count,
    height,
    width,
    landmarks,
    poses,
    audio,
  }: Pick<Clip, 'frames' | 'frameCount' | 'height' | 'width' | 'landmarks' | 'poses' | 'audio'>,
  picture: { width: number; height: number },
  fps: number,
  sharpness?: (rgb: Uint8Array, size: { width: number; height: number }) => number,
): ClipQuality {
  const pointsOf = (frame: number) => landmarks.subarray(136 * frame, 136 * (frame + 1));
  const all = Array.from({ length: count }, (_, frame) => frame);
  const bytes = height * width * 3;
  const looks = Array.from({ length: Math.min(LOOKS, count) }, (_, i) =>
    Math.floor(((i + 0.5) * count) / Math.min(LOOKS, count)),
  );
  const frameOf = (frame: number) => frames.subarray(frame * bytes, (frame + 1) * bytes);
  const voice = voiceActivity(
    { samples: Float32Array.from(audio, (sample) => sample / 32768), sampleRate: AUDIO_SAMPLE_RATE },
    { fps },
  );
  return rounded({
    faceSize: lowerMedian(all.map((frame) => faceSize(pointsOf(frame)))),
    asymmetry: lowerMedian(all.map((frame) => faceAsymmetry(pointsOf(frame)))),
    lipsInside: Math.min(...all.map((frame) => lipsInside(pointsOf(frame), picture))),
    ...(sharpness
      ? { sharpness: lowerMedian(looks.map((frame) => sharpness(frameOf(frame), { width, height }))) }
      : {}),
    brightness: meanGray(frameOf(count >> 1)),
    voiced: voice.length === 0 ? 0 : voice.reduce((sum, flag) => sum + flag, 0) / voice.length,
    sideDeviation: cropJitter(poses).side,
  });
}

/** The gate that a clip does not pass, in words; undefined where it passes all. */
export function failedGate(
  quality: ClipQuality,
  score: number,
  gates: QualityGates,
): { reason: DropReason; detail: string } | undefined {
  const checks: [DropReason, string, number, 'below' | 'above', number][] = [
    ['face too small', 'face of', quality.faceSize, 'below', gates.minFaceSize],
    ['face turned', 'asymmetry', quality.asymmetry, 'above', gates.maxAsymmetry],
    ['lips outside', 'share of the mouth inside', quality.lipsInside, 'below', gates.minLipsInside],
    ['blurred', 'sharpness', quality.sharpness ?? Infinity, 'below', gates.minSharpness],
    ['detection unsure', 'score', score, 'below', gates.minScore],
    ['no speech', 'share of speech', quality.voiced, 'below', gates.minVoiced],
  ];
  for (const [reason, what, value, wrong, limit] of checks) {
    if (wrong === 'below' ? value < limit : value > limit)
      return { reason, detail: `${what} ${value.toPrecision(3)}, ${wrong} ${limit}` };
  }
  return undefined;
}

/** The larger of the outer eye corners' distance and chin to brows, pixels. */
function faceSize(points: Float32Array): number {
  const distance = (a: number, b: number) =>
    Math.hypot(points[2 * a] - points[2 * b], points[2 * a + 1] - points[2 * b + 1]);
  const brows = [(points[2 * 21] + points[2 * 22]) / 2, (points[2 * 21 + 1] + points[2 * 22 + 1]) / 2];
  return Math.max(distance(36, 45), Math.hypot(points[16] - brows[0], points[17] - brows[1]));
}

function lipsInside(points: Float32Array, { width, height }: { width: number; height: number }): number {
  let inside = 0;
  for (let i = 48; i < 68; i++) {
    const [x, y] = [points[2 * i], points[2 * i + 1]];
    if (x >= 0 && y >= 0 && x <= width && y <= height) inside++;
  }
  return inside / 20;
}

/** Mean of a frame's gray (ITU-R BT.601). */
function meanGray(rgb: Uint8Array): number {
  let sum = 0;
  for (let i = 0; i < rgb.length; i += 3) sum += 0.299 * rgb[i] + 0.587 * rgb[i + 1] + 0.114 * rgb[i + 2];
  return (3 * sum) / rgb.length;
}

/** Six digits: what is written does not depend on the last bit of a sum. */
function rounded<T extends Record<string, number>>(values: T): T {
  return Object.fromEntries(Object.entries(values).map(([name, value]) => [name, Number(value.toPrecision(6))])) as T;
}
