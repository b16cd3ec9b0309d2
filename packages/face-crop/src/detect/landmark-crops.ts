import type { Landmarks68, VideoFrame } from '@lipsync/contracts';
import { type LandmarkBox, pointsFromSquare } from '../crop/landmark-geometry';
import { type Square, sampleInto } from '../crop/sample-square';

/** What a network finds in one view, in units of the image's side. */
export type ViewPoints = {
  /** `[68, 2]`. */
  points: ArrayLike<number>;
  /** The network's own confidence that there is a face, 0..1; 1 of a network that has none. */
  presence: number;
  /** Around all points of a network that finds more than 68. */
  box?: LandmarkBox;
};

/** A network that finds the points of a face in a square image. */
export interface PointNetwork {
  /** Pixels on a side of the images that it takes. */
  readonly size: number;
  /** Brings RGB 0..255 into the range that it takes, in place. */
  normalise(pixels: Float32Array): void;
  /** Runs on `count` images, `[count, size, size, 3]`; leaves no tensor. */
  run(pixels: Float32Array, count: number): Promise<ViewPoints[]>;
  /** Frees the weights; safe to call twice. */
  dispose(): void;
}

/**
 * A view of a face for test-time augmentation: shifts in sides, a factor of the side, a rotation in radians, and
 * whether it is mirrored.
 */
type View = { dx: number; dy: number; scale: number; turn: number; mirrored: boolean };

const STRAIGHT: View = { dx: 0, dy: 0, scale: 1, turn: 0, mirrored: false };

/** The views by their number. The mean over five halves the jitter (from 0.09 to 0.05 % of the eye distance). */
const VIEWS: Record<1 | 2 | 5, readonly View[]> = {
  1: [STRAIGHT],
  2: [STRAIGHT, { ...STRAIGHT, mirrored: true }],
  5: [
    STRAIGHT,
    { dx: 0.02, dy: 0.01, scale: 1.04, turn: 0.05, mirrored: false },
    { dx: -0.02, dy: -0.01, scale: 0.96, turn: -0.05, mirrored: false },
    { dx: 0.01, dy: -0.02, scale: 1.02, turn: -0.03, mirrored: true },
    { dx: -0.01, dy: 0.02, scale: 0.98, turn: 0.03, mirrored: true },
  ],
};

/** The network's output for one face. */
export type CropLandmarks = {
  /** The mean over the views, pixels of the frame. */
  points: Landmarks68;
  /**
   * How far the views disagree: mean distance of a view's points from the mean, in sides of the square; 0 for one view.
   * About 0.01 on faces, several times that elsewhere.
   */
  spread: number;
  /** Smallest confidence of the views. */
  presence: number;
  /** `ViewPoints.box` of the straight view, in sides of the square. */
  box?: LandmarkBox;
};

/**
 * Finds 68 points in each of several squares of one frame, in one run of the network.
 *
 * @param viewCount 1: the square as it is; 2: also its mirror image; 5: five shifted, scaled, rotated and mirrored
 * views.
 * @returns one entry per square, plain arrays; no tensor is left.
 * @example
 * const [{ points }] = await landmarksInSquares(network, frame, [square], 1);
 */
export async function landmarksInSquares(
  network: PointNetwork,
  frame: VideoFrame,
  squares: readonly Square[],
  viewCount: 1 | 2 | 5,
): Promise<CropLandmarks[]> {
  if (squares.length === 0) return [];
  const { size } = network;
  const pixels = size * size * 3;
  const views = squares.flatMap((square) => VIEWS[viewCount].map((view) => ({ view, square: squareOf(view, square) })));
  const input = new Float32Array(views.length * pixels);
  views.forEach(({ view, square }, i) => {
    const before = i > 0 ? views[i - 1] : undefined;
    if (view.mirrored && before && !before.view.mirrored && sameSquare(before.square, square)) {
      mirrorRows(input, (i - 1) * pixels, i * pixels, size); // the samples are the same, in the other order
      return;
    }
    // large faces are averaged down, or fine texture makes the points jitter
    const perPixel = Math.min(4, Math.max(1, Math.round(square.side / size / 1.5)));
    sampleInto(input, i * pixels, frame, square, size, { perPixel, mirrored: view.mirrored });
  });
  network.normalise(input);
  const found = await network.run(input, views.length);
  const inFrame = views.map(({ view: { mirrored }, square }, i) =>
    pointsFromSquare(found[i].points, square, { mirrored }),
  );
  return squares.map((square, i) => {
    const [first, last] = [i * viewCount, (i + 1) * viewCount];
    const presence = Math.min(...found.slice(first, last).map((view) => view.presence));
    return { ...average(inFrame.slice(first, last), square.side), presence, box: found[first].box };
  });
}

const sameSquare = (a: Square, b: Square): boolean =>
  a.x === b.x && a.y === b.y && a.side === b.side && a.angle === b.angle;

/** Copies an image of `size` x `size` colours within `pixels`, left and right exchanged. */
function mirrorRows(pixels: Float32Array, from: number, to: number, size: number): void {
  for (let row = 0; row < size; row++) {
    for (let column = 0; column < size; column++) {
      const [source, target] = [from + (row * size + size - 1 - column) * 3, to + (row * size + column) * 3];
      for (let colour = 0; colour < 3; colour++) pixels[target + colour] = pixels[source + colour];
    }
  }
}

/** `(RGB - mean) / 255` in place. */
export function centreColours(pixels: Float32Array, [red, green, blue]: readonly [number, number, number]): void {
  for (let i = 0; i < pixels.length; i += 3) {
    pixels[i] = (pixels[i] - red) / 255;
    pixels[i + 1] = (pixels[i + 1] - green) / 255;
    pixels[i + 2] = (pixels[i + 2] - blue) / 255;
  }
}

function squareOf(view: View, { x, y, side, angle }: Square): Square {
  return { x: x + view.dx * side, y: y + view.dy * side, side: side * view.scale, angle: angle + view.turn };
}

function average(views: Float32Array[], side: number): Pick<CropLandmarks, 'points' | 'spread'> {
  if (views.length === 1) return { points: views[0], spread: 0 };
  const points = new Float32Array(136).map((_, i) => views.reduce((sum, view) => sum + view[i], 0) / views.length);
  let distance = 0;
  for (const view of views) {
    for (let i = 0; i < 136; i += 2) distance += Math.hypot(view[i] - points[i], view[i + 1] - points[i + 1]);
  }
  return { points, spread: distance / views.length / 68 / side };
}
