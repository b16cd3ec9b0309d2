import type { FaceTrack } from '@lipsync/contracts';
import { faceAsymmetry, landmarkBox } from '@lipsync/face-crop';
import type { VerdictFacts } from '@lipsync/metrics';
import { lowerMedian } from '@lipsync/nn/arrays';
import type { FaceBox } from './face-place';

const SAMPLED = 25;

/**
 * Size and turn of a face, medians over 25 of its frames; nothing where its landmarks are not known, as where mouths
 * are cut already.
 */
export function faceFacts(track: FaceTrack): Pick<VerdictFacts, 'faceSize' | 'turn'> {
  const sampled = sampledPoints(track);
  const sizes = sampled.map(landmarkBox).map((box) => Math.max(box.right - box.left, box.bottom - box.top));
  const faceSize = median(sizes);
  return faceSize > 0 ? { faceSize, turn: median(sampled.map(faceAsymmetry)) } : {};
}

/** The medians of the landmarks' edges over 25 of a face's frames, whole pixels; null where its landmarks are not known. */
export function faceBox(track: FaceTrack): FaceBox | null {
  const boxes = sampledPoints(track).map(landmarkBox);
  const edge = (name: keyof FaceBox) => Math.round(median(boxes.map((box) => box[name])));
  const box = { left: edge('left'), top: edge('top'), right: edge('right'), bottom: edge('bottom') };
  return box.right > box.left && box.bottom > box.top ? box : null;
}

function sampledPoints({ points, frameCount }: FaceTrack): Float32Array[] {
  const count = Math.min(SAMPLED, frameCount);
  return Array.from({ length: count }, (_, i) => {
    const frame = Math.floor(((i + 0.5) * frameCount) / count);
    return points.subarray(136 * frame, 136 * (frame + 1));
  });
}

const median = (values: number[]) => (values.length > 0 ? lowerMedian(values) : 0);
