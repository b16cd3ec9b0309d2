import { fail, type VideoFrame } from '@lipsync/contracts';
import * as tf from '@tensorflow/tfjs-core';
import { boxOverlap } from '../crop/landmark-geometry';
import { type FoundFace, letterbox } from '../detect/find-faces';
import { GraphNetwork, type StoredGraph } from './stored-graph';

/**
 * Outputs of the graph: scores and boxes of the fine grid (cells of 16 px, 2 anchors), then of the coarse (32 px, 6).
 */
const OUTPUTS = ['Identity', 'Identity_2', 'Identity_1', 'Identity_3'] as const;

/** Cells in pixels, and boxes in each. */
const GRIDS = [
  { cell: 16, anchors: 2 },
  { cell: 32, anchors: 6 },
] as const;

/** Values of a box: centre, size, and six points (eyes, nose, mouth, ears). */
const VALUES = 16;

/** Boxes that share more than this (intersection over union) are one face, MediaPipe's rule. */
const ONE_FACE = 0.3;

/** A face of BlazeFace: its box, and the angle of the line through its eyes. */
export type BlazeFaceBox = { x: number; y: number; width: number; height: number; angle: number; score: number };

/**
 * MediaPipe's face detector (BlazeFace, the model for back cameras): boxes with six points in an image of 256 x 256
 * pixels. It is fully convolutional: larger images, in which smaller faces are found, are taken too.
 *
 * Source: `blazeface` of `@lipsync/mediapipe-weights`. Largest difference from the same graph in PyTorch 1.13: 4e-6 of
 * the largest score, 2e-4 px of 256 in boxes.
 *
 * Holds its weights as tensors: `dispose` it.
 *
 * @throws TypeError if the weights are not this network's.
 * @example
 * const network = new BlazeFace(weights.blazeface);
 */
export class BlazeFace {
  readonly #graph: GraphNetwork;

  constructor(stored: StoredGraph) {
    this.#graph = new GraphNetwork('BlazeFace', stored, OUTPUTS);
  }

  /**
   * @param image `[1, size, size, 3]`, float32, RGB from -1 to 1; size a multiple of 32.
   * @returns scores `[n, 1]` before the sigmoid and boxes `[n, 16]` in pixels, of the fine and then of the coarse grid;
   * the caller disposes them.
   */
  forward(image: tf.Tensor4D): tf.Tensor2D[] {
    const [, height, width, colours] = image.shape;
    if (height !== width || height % 32 !== 0 || colours !== 3) {
      const rule = 'of shape [1, size, size, 3], size a multiple of 32';
      fail(TypeError, 'BlazeFace.forward', 'image', rule, image.shape);
    }
    return this.#graph.run(image).map((x, i) => {
      const last = i % 2 === 0 ? 1 : VALUES;
      const rows = tf.reshape(x, [-1, last]) as tf.Tensor2D;
      x.dispose();
      return rows;
    });
  }

  /** Frees the weights; safe to call twice. */
  dispose(): void {
    this.#graph.dispose();
  }
}

/**
 * Reads the boxes out of the outputs: `centre = (cell + 0.5) · size of the cell + offset`, all in pixels of the input.
 *
 * @param outputs scores and boxes, as `BlazeFace.forward` gives them, of the fine and of the coarse grid.
 * @param size side of the input in pixels.
 * @returns every box whose score is at least `minScore`, in units of the input's side; they may overlap.
 */
export function decodeBlazeFace(outputs: readonly Float32Array[], size: number, minScore: number): BlazeFaceBox[] {
  return GRIDS.flatMap(({ cell, anchors }, grid) => {
    const [scores, boxes] = outputs.slice(2 * grid, 2 * grid + 2);
    const cells = size / cell;
    const found: BlazeFaceBox[] = [];
    scores.forEach((logit, i) => {
      const score = 1 / (1 + Math.exp(-logit));
      if (score < minScore) return;
      const place = Math.floor(i / anchors);
      const [left, top] = [((place % cells) + 0.5) * cell, (Math.floor(place / cells) + 0.5) * cell];
      const [x, y, width, height, rightX, rightY, leftX, leftY] = boxes.subarray(i * VALUES, i * VALUES + 8);
      found.push({
        x: (left + x) / size,
        y: (top + y) / size,
        width: width / size,
        height: height / size,
        // the person's right eye is the left one in the image
        angle: Math.atan2(leftY - rightY, leftX - rightX),
        score,
      });
    });
    return found;
  });
}

/**
 * Runs the detector on a frame scaled to `scale` x `scale`, the shorter side padded with black on the right or below.
 *
 * Boxes that overlap become one whose edges are their mean, weighted by their scores, as in MediaPipe.
 *
 * @returns the highest score first; no tensor is left.
 */
export async function findBlazeFaces(
  network: BlazeFace,
  frame: VideoFrame,
  scale: number,
  minScore: number,
): Promise<FoundFace[]> {
  const input = letterbox(frame, scale);
  for (let i = 0; i < input.length; i++) input[i] = input[i] / 127.5 - 1;
  const image = tf.tensor4d(input, [1, scale, scale, 3]);
  const outputs = network.forward(image);
  try {
    const values = (await Promise.all(outputs.map((output) => output.data()))) as Float32Array[];
    const longer = Math.max(frame.width, frame.height);
    const faces = decodeBlazeFace(values, scale, minScore).map(({ x, y, width, height, score, angle }) => ({
      left: (x - width / 2) * longer,
      right: (x + width / 2) * longer,
      top: (y - height / 2) * longer,
      bottom: (y + height / 2) * longer,
      score,
      scale,
      angle,
    }));
    return blended(faces);
  } finally {
    tf.dispose([image, ...outputs]);
  }
}

function blended(boxes: FoundFace[]): FoundFace[] {
  const kept: FoundFace[] = [];
  let rest = [...boxes].sort((a, b) => b.score - a.score);
  while (rest.length > 0) {
    const [best] = rest;
    const same = rest.filter((box) => box === best || boxOverlap(box, best) > ONE_FACE);
    rest = rest.filter((box) => !same.includes(box));
    const total = same.reduce((sum, { score }) => sum + score, 0);
    const mean = (key: 'left' | 'right' | 'top' | 'bottom') =>
      same.reduce((sum, box) => sum + box[key] * box.score, 0) / total;
    kept.push({ ...best, left: mean('left'), right: mean('right'), top: mean('top'), bottom: mean('bottom') });
  }
  return kept;
}
