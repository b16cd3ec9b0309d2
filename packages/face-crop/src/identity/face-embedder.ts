import { assertVideoFrame, fail, type Landmarks68, type VideoFrame } from '@lipsync/contracts';
import * as tf from '@tensorflow/tfjs-core';
import { meanPoint } from '../crop/landmark-geometry';
import { type Square, sampleInto } from '../crop/sample-square';
import { readEmbeddingWeights, type StoredNetwork } from '../detect/network-weights';
import { EMBEDDING_INPUT_MEAN, EMBEDDING_INPUT_SIZE, FaceEmbeddingNetwork } from './face-embedding-network';

export type FaceEmbedderOptions = {
  /**
   * Weights as bytes and manifest, or the URL of a folder with the files; default: those that come with this package
   * (Node only).
   */
  weights?: StoredNetwork | URL;
};

/** Computes identity descriptors of faces. */
export interface FaceEmbedder {
  /**
   * The descriptor of a face: 128 values, of length about 1.3. Descriptors of one person lie near each other (Euclidean
   * distance).
   *
   * @param points `[68, 2]`, pixels of the frame.
   * @returns a plain array, the caller's; no tensor is left.
   * @throws RangeError if the points are not finite or coincide; TypeError if there are not 68.
   */
  embed(frame: VideoFrame, points: Landmarks68): Promise<Float32Array>;
  /** Frees the weights; safe to call twice. */
  dispose(): void;
}

/** Mean distance of the eyes from the mouth, in sides of the square. */
const EYES_TO_MOUTH = 0.45;

/** Where the middle of both eyes and the mouth lies in the square, from its upper edge. */
const MIDDLE_FROM_TOP = 0.43;

/**
 * The square of the frame that the network sees: upright by the eyes, sized by the distance of eyes and mouth.
 *
 * Source: `align` of face-api's landmarks with `useDlibAlignment`, but rotated with the face, as dlib's own chips are,
 * and not cut off at the frame's edge.
 */
export function embeddingSquare(points: Landmarks68): Square {
  const [leftX, leftY] = meanPoint(points, 36, 41);
  const [rightX, rightY] = meanPoint(points, 42, 47);
  const [mouthX, mouthY] = meanPoint(points, 48, 67);
  const side =
    (Math.hypot(leftX - mouthX, leftY - mouthY) + Math.hypot(rightX - mouthX, rightY - mouthY)) / 2 / EYES_TO_MOUTH;
  const angle = Math.atan2(rightY - leftY, rightX - leftX);
  const down = (0.5 - MIDDLE_FROM_TOP) * side;
  return {
    x: (leftX + rightX + mouthX) / 3 - Math.sin(angle) * down,
    y: (leftY + rightY + mouthY) / 3 + Math.cos(angle) * down,
    side,
    angle,
  };
}

/**
 * Creates a face embedder: dlib's descriptor network, rebuilt on tfjs operations, so it runs on the backend that the
 * application has set.
 *
 * Source: `FaceEmbeddingNetwork`; images are divided by 256 as in dlib, where face-api's code divides by 255.
 *
 * @returns the embedder. It holds the network's weights as tensors (22 MB): `dispose` it.
 * @throws TypeError if the weights are not this network's; Error if they cannot be read.
 * @example
 * import { createFaceEmbedder } from '@lipsync/face-crop';
 * const embedder = await createFaceEmbedder();
 * const descriptor = await embedder.embed(frame, faces[0].points);
 * embedder.dispose();
 */
export async function createFaceEmbedder({ weights }: FaceEmbedderOptions = {}): Promise<FaceEmbedder> {
  const stored = weights === undefined || weights instanceof URL ? await readEmbeddingWeights(weights) : weights;
  const network = new FaceEmbeddingNetwork(stored);
  let disposed = false;
  return {
    async embed(frame, points) {
      const where = 'FaceEmbedder.embed';
      if (disposed) fail(Error, where, 'embedder', 'alive', 'a disposed one');
      assertVideoFrame(where, frame);
      if (points.length !== 136) fail(TypeError, where, 'points', '68 points, 136 values', points.length);
      const square = embeddingSquare(points);
      if (!(Number.isFinite(square.x + square.y + square.side + square.angle) && square.side > 0)) {
        fail(RangeError, where, 'points', 'finite, the eyes apart from the mouth', square);
      }
      const input = networkInput(frame, square);
      const output = tf.tidy(() =>
        network.forward(tf.tensor4d(input, [1, EMBEDDING_INPUT_SIZE, EMBEDDING_INPUT_SIZE, 3])),
      );
      try {
        return Float32Array.from(await output.data());
      } finally {
        output.dispose();
      }
    },
    dispose() {
      disposed = true;
      network.dispose();
    },
  };
}

/** The square's pixels, less the mean, divided by 256. */
function networkInput(frame: VideoFrame, square: Square): Float32Array {
  const size = EMBEDDING_INPUT_SIZE;
  const pixels = new Float32Array(size * size * 3);
  // large faces are averaged down, as for the landmark network
  const perPixel = Math.min(4, Math.max(1, Math.round(square.side / size / 1.5)));
  sampleInto(pixels, 0, frame, square, size, { perPixel });
  for (let i = 0; i < pixels.length; i++) pixels[i] = (pixels[i] - EMBEDDING_INPUT_MEAN[i % 3]) / 256;
  return pixels;
}
