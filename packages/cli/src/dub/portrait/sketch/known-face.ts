import type { LandmarkDetector } from '@lipsync/contracts';

/**
 * A detector that knows where the face is in each frame of a video: what was drawn need not be found.
 *
 * @param points `[68, 2]` of a frame, as shares of its sides.
 */
export function knownFace(points: (frame: number) => Float32Array | undefined): LandmarkDetector {
  return {
    scheme: 'ibug68',
    name: 'as drawn',
    detect: async ({ index, width, height }) => {
      const face = points(index)?.map((share, i) => share * (i % 2 === 0 ? width : height));
      return face ? [{ points: face, score: 1, trackId: 0 }] : [];
    },
    reset: () => {},
    dispose: () => {},
  };
}
