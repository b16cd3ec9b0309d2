import type { FaceTrack } from '@lipsync/contracts';
import { faceAsymmetry, landmarkBox } from '@lipsync/face-crop';
import type { VerdictFacts } from '@lipsync/metrics';

const SAMPLED = 25;

/**
 * Size and turn of a face, medians over 25 of its frames; nothing where its landmarks are not known, as where mouths
 * are cut already.
 */
export function faceFacts({ points, frameCount }: FaceTrack): Pick<VerdictFacts, 'faceSize' | 'turn'> {
  const count = Math.min(SAMPLED, frameCount);
  const sampled = Array.from({ length: count }, (_, i) => {
    const frame = Math.floor(((i + 0.5) * frameCount) / count);
    return points.subarray(136 * frame, 136 * (frame + 1));
  });
  const sizes = sampled.map((one) => {
    const { left, top, right, bottom } = landmarkBox(one);
    return Math.max(right - left, bottom - top);
  });
  const faceSize = median(sizes);
  return faceSize > 0 ? { faceSize, turn: median(sampled.map(faceAsymmetry)) } : {};
}

const median = (values: number[]) => [...values].sort((a, b) => a - b)[Math.floor((values.length - 1) / 2)] ?? 0;
