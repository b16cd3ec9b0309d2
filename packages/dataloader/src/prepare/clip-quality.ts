import { voiceActivity } from '@lipsync/audio-mel';
import { AUDIO_SAMPLE_RATE } from '@lipsync/contracts';
import { cropJitter, faceAsymmetry, landmarkBox } from '@lipsync/face-crop';
import { lowerMedian } from '@lipsync/nn';
import type { Clip, ClipQuality } from '../store/clip';
import { samplesFor } from '../store/clip-features';
import type { DropReason } from '../store/store-records';
import { meanGray } from './mean-gray';
import type { QualityGates } from './preparation';

const SHARPNESS_FRAMES = 5;

type Size = { width: number; height: number };

export type ClipQualityOptions = {
  /** Size of the video's frames, pixels. */
  frameSize: Size;
  fps: number;
  /** Sharpness of one stored frame; its median over five of them is kept. Default: not measured. */
  sharpness?: (rgb: Uint8Array, size: Size) => number;
};

/** How well a clip shows its face. */
export function clipQuality(
  clip: Pick<Clip, 'frames' | 'frameCount' | 'height' | 'width' | 'landmarks' | 'poses' | 'audio'>,
  { frameSize, fps, sharpness }: ClipQualityOptions,
): ClipQuality {
  const { frames, frameCount, height, width, landmarks, poses, audio } = clip;
  const points = Array.from({ length: frameCount }, (_, frame) => landmarks.subarray(136 * frame, 136 * (frame + 1)));
  const bytes = height * width * 3;
  const frameOf = (frame: number) => frames.subarray(frame * bytes, (frame + 1) * bytes);
  const sampled = Math.min(SHARPNESS_FRAMES, frameCount);
  const sharpnessAt = (i: number) =>
    sharpness!(frameOf(Math.floor(((i + 0.5) * frameCount) / sampled)), { width, height });
  const voice = voiceActivity({ samples: samplesFor({ audio }), sampleRate: AUDIO_SAMPLE_RATE }, { fps });
  return rounded({
    faceSize: lowerMedian(points.map(faceSize)),
    asymmetry: lowerMedian(points.map(faceAsymmetry)),
    lipsInside: Math.min(...points.map((one) => lipsInside(one, frameSize))),
    offCentre: lowerMedian(points.map((one) => offCentre(one, frameSize))),
    ...(sharpness ? { sharpness: lowerMedian(Array.from({ length: sampled }, (_, i) => sharpnessAt(i))) } : {}),
    brightness: meanGray(frameOf(frameCount >> 1)),
    voiced: voice.length === 0 ? 0 : voice.reduce((sum, flag) => sum + flag, 0) / voice.length,
    sideDeviation: cropJitter(poses).side,
  });
}

/** The first gate that a clip does not pass, with the measured value; undefined where it passes all. */
export function failedGate(
  quality: ClipQuality,
  score: number,
  gates: QualityGates,
): { reason: DropReason; detail: string } | undefined {
  const checks: [DropReason, string, number, 'below' | 'above', number][] = [
    ['face off centre', 'distance from the middle', quality.offCentre ?? 0, 'above', gates.maxOffCentre],
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

/** Share of the mouth's landmarks inside the frame, 0..1. */
function lipsInside(points: Float32Array, { width, height }: Size): number {
  let inside = 0;
  for (let i = 48; i < 68; i++) {
    const [x, y] = [points[2 * i], points[2 * i + 1]];
    if (x >= 0 && y >= 0 && x <= width && y <= height) inside++;
  }
  return inside / 20;
}

/** Distance of the middle of the landmarks' box from the middle of the frame, the larger of both directions, in half sides; at most 1. */
function offCentre(points: Float32Array, { width, height }: Size): number {
  const { left, top, right, bottom } = landmarkBox(points);
  const across = Math.abs((left + right) / width - 1);
  const down = Math.abs((top + bottom) / height - 1);
  return Math.min(1, Math.max(across, down));
}

/** Six digits: what is written does not depend on the last bit of a sum. */
function rounded<T extends Record<string, number>>(values: T): T {
  return Object.fromEntries(Object.entries(values).map(([name, value]) => [name, Number(value.toPrecision(6))])) as T;
}
