import type { FaceTrack } from '@lipsync/contracts';
import { landmarkBox } from './landmark-geometry';

/** Share of the height from brows to chin that a face box reaches above the brows. */
const FOREHEAD = 0.4;

/**
 * The face boxes of a track: the detector's own where the track has them, otherwise boxes around the landmarks.
 *
 * From landmarks: as wide as the jaw (points 0-16), down to the chin, and up beyond the brows (17-26) by 0.4 of the
 * height from brows to chin. Derived from where S3FD's boxes lie on faces; S3FD's own boxes differ from these by a few
 * percent of the face.
 *
 * @returns `[frames, 4]`, float64: left, top, right, bottom in pixels; the caller's.
 * @example
 * import { faceBoxes } from '@lipsync/face-crop';
 * const [left, top, right, bottom] = faceBoxes(track);
 */
export function faceBoxes(track: FaceTrack): Float64Array {
  if (track.boxes) return Float64Array.from(track.boxes);
  const boxes = new Float64Array(track.frameCount * 4);
  for (let frame = 0; frame < track.frameCount; frame++) {
    const points = track.points.subarray(frame * 136, (frame + 1) * 136);
    const { left, right, bottom: chin } = landmarkBox(points.subarray(0, 2 * 17));
    const brows = landmarkBox(points.subarray(2 * 17, 2 * 27)).top;
    boxes.set([left, brows - FOREHEAD * (chin - brows), right, chin], frame * 4);
  }
  return boxes;
}
