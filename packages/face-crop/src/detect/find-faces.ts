import type { VideoFrame } from '@lipsync/contracts';
import { boxOverlap, type LandmarkBox } from '../crop/landmark-geometry';
import { sampleInto } from '../crop/sample-square';

/** A face in a square image: centre and size in units of the image's side, and a confidence. */
export type FaceBox = {
  x: number;
  y: number;
  width: number;
  height: number;
  score: number;
  /** Rotation of the face in radians, positive clockwise; missing where the network does not give it. */
  angle?: number;
};

/** A network that detects faces in a square image. */
export interface BoxNetwork {
  /** Brings RGB 0..255 into the range that it takes, in place. */
  normalise(pixels: Float32Array): void;
  /**
   * Runs on one image, `[size, size, 3]`, size a multiple of 32; leaves no tensor.
   *
   * @returns every box whose score is at least `minScore`, in any order; they may overlap.
   */
  run(pixels: Float32Array, size: number, minScore: number): Promise<FaceBox[]>;
  /** One box for each face, of boxes that may overlap; the highest score first. */
  suppress(boxes: readonly FoundFace[]): FoundFace[];
  /** Frees the weights; safe to call twice. */
  dispose(): void;
}

/** A detected face: box in pixels of the frame, confidence, rotation, and the scale at which it was found. */
export type FoundFace = LandmarkBox & Pick<FaceBox, 'score' | 'angle'> & { scale: number };

/**
 * Runs a face detector on a frame scaled to `scale` x `scale`, the shorter side padded with black on the right or
 * below.
 *
 * @param scale pixels, a multiple of 32; small scales find large faces.
 * @returns boxes after the network's suppression, the highest score first; no tensor is left.
 * @example
 * const [best] = await findFaces(network, frame, 224, 0.3);
 */
export async function findFaces(
  network: BoxNetwork,
  frame: VideoFrame,
  scale: number,
  minScore: number,
): Promise<FoundFace[]> {
  const longer = Math.max(frame.width, frame.height);
  const input = letterbox(frame, scale);
  network.normalise(input);
  const boxes = await network.run(input, scale, minScore);
  return network.suppress(
    boxes.map(({ x, y, width, height, ...rest }) => ({
      left: (x - width / 2) * longer,
      right: (x + width / 2) * longer,
      top: (y - height / 2) * longer,
      bottom: (y + height / 2) * longer,
      scale,
      ...rest,
    })),
  );
}

/**
 * Non-maximum suppression: keeps the highest-scoring box of each face.
 *
 * @param overlap boxes that share more than this (intersection over union) count as one face. Default 0.4.
 * @returns the kept boxes, the highest score first.
 * @example
 * const [small, large] = [await findFaces(network, frame, 320, 0.3), await findFaces(network, frame, 160, 0.3)];
 * const faces = strongest([...small, ...large]);
 */
export function strongest(boxes: readonly FoundFace[], overlap = 0.4): FoundFace[] {
  return facesOf(boxes, overlap).map(([best]) => best);
}

/**
 * Suppression by blending, MediaPipe's rule: the boxes of a face become one whose edges are their mean, weighted by
 * their scores; the rest of it is that of the highest-scoring box.
 *
 * @param overlap as of `strongest`. Default 0.3, MediaPipe's.
 * @returns one box for each face, the highest score first.
 */
export function blended(boxes: readonly FoundFace[], overlap = 0.3): FoundFace[] {
  return facesOf(boxes, overlap).map((same) => {
    const total = same.reduce((sum, { score }) => sum + score, 0);
    const mean = (key: keyof LandmarkBox) => same.reduce((sum, box) => sum + box[key] * box.score, 0) / total;
    return { ...same[0], left: mean('left'), right: mean('right'), top: mean('top'), bottom: mean('bottom') };
  });
}

/** The boxes of each face, the highest score first: those that overlap the best box that is left. */
function facesOf(boxes: readonly FoundFace[], overlap: number): FoundFace[][] {
  const faces: FoundFace[][] = [];
  let rest = [...boxes].sort((a, b) => b.score - a.score);
  while (rest.length > 0) {
    const [best] = rest;
    const isSame = (box: FoundFace) => box === best || boxOverlap(best, box) > overlap;
    faces.push(rest.filter(isSame));
    rest = rest.filter((box) => !isSame(box));
  }
  return faces;
}

/** A frame as `[scale, scale, 3]`, RGB 0..255: the image in the upper left, black elsewhere. */
function letterbox(frame: VideoFrame, scale: number): Float32Array {
  const { width, height } = frame;
  const longer = Math.max(width, height);
  const pixels = new Float32Array(scale * scale * 3);
  const perPixel = Math.min(4, Math.max(1, Math.round(longer / scale / 1.5)));
  sampleInto(pixels, 0, frame, { x: longer / 2, y: longer / 2, side: longer, angle: 0 }, scale, { perPixel });
  const columns = Math.round((width / longer) * scale);
  const rows = Math.round((height / longer) * scale);
  for (let row = 0; row < rows && columns < scale; row++)
    pixels.fill(0, (row * scale + columns) * 3, (row + 1) * scale * 3);
  pixels.fill(0, rows * scale * 3);
  return pixels;
}
