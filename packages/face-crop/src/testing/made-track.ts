import type { FaceTrack } from '@lipsync/contracts';
import fixture from '../../fixtures/crops.json';

/** The first frames of the made face of `reference/face-crop-crops.py`: it sways, grows and talks. */
export function madeTrack(frameCount = 60): FaceTrack {
  const points = Float32Array.from(fixture.track.slice(0, frameCount * 136));
  return { id: 0, firstFrame: 0, frameCount, points, score: 1, interpolated: 0 };
}

/** Its points in one frame. */
export function madePoints(frame = 0): Float32Array {
  return Float32Array.from(fixture.track.slice(frame * 136, (frame + 1) * 136));
}
