import type { VideoFrame } from '@lipsync/contracts';
import * as tf from '@tensorflow/tfjs-core';
import { boxOverlap, type LandmarkBox } from '../crop/landmark-geometry';
import { sampleInto } from '../crop/sample-square';
import { DETECTOR_INPUT_MEAN, decodeFaceBoxes, type FaceDetectorNetwork } from './face-detector-network';
import { centreColours } from './landmark-crops';

/** A detected face: box in pixels of the frame, confidence, and the scale at which it was found. */
export type FoundFace = LandmarkBox & {
  score: number;
  scale: number;
  /** Rotation of the face in radians, positive clockwise, of a detector that tells it. */
  angle?: number;
};

/**
 * Runs the face detector on a frame scaled to `scale` x `scale`, the shorter side padded with black on the right or
 * below.
 *
 * @param scale pixels, a multiple of 32; small scales find large faces.
 * @returns boxes after non-maximum suppression (`strongest`), the highest score first; no tensor is left.
 * @example
 * const [best] = await findFaces(network, frame, 224, 0.3);
 */
export async function findFaces(
  network: FaceDetectorNetwork,
  frame: VideoFrame,
  scale: number,
  minScore: number,
): Promise<FoundFace[]> {
  const longer = Math.max(frame.width, frame.height);
  const input = letterbox(frame, scale);
  centreColours(input, DETECTOR_INPUT_MEAN);
  const image = tf.tensor4d(input, [1, scale, scale, 3]);
  const output = network.forward(image);
  try {
    const values = (await output.data()) as Float32Array;
    const boxes = decodeFaceBoxes(values, scale / 32, minScore).map(({ x, y, width, height, score }) => ({
      left: (x - width / 2) * longer,
      right: (x + width / 2) * longer,
      top: (y - height / 2) * longer,
      bottom: (y + height / 2) * longer,
      score,
      scale,
    }));
    return strongest(boxes);
  } finally {
    tf.dispose([image, output]);
  }
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
  const kept: FoundFace[] = [];
  for (const box of [...boxes].sort((a, b) => b.score - a.score)) {
    if (kept.every((other) => boxOverlap(other, box) <= overlap)) kept.push(box);
  }
  return kept;
}

/** A frame as `[scale, scale, 3]`, RGB 0..255: the image in the upper left, black elsewhere. */
export function letterbox(frame: VideoFrame, scale: number): Float32Array {
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
