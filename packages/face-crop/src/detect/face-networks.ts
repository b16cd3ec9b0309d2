import type { VideoFrame } from '@lipsync/contracts';
import type { Square } from '../crop/sample-square';
import { type BoxNetwork, type FoundFace, findFaces } from './find-faces';
import { type CropLandmarks, landmarksInSquares, type PointNetwork } from './landmark-crops';

/**
 * Two networks, one that detects faces and one that finds their points, and the rules that suit them.
 *
 * Holds both: `dispose` it.
 */
export abstract class FaceNetworks {
  /** Sides in pixels to which frames are scaled for detection, in the order in which they are tried. */
  abstract readonly scales: readonly number[];
  /** Larger sides, tried now and then while no face is found. */
  abstract readonly fineScales: readonly number[];
  /** Smallest detection score, 0..1. */
  abstract readonly minScore: number;
  /** Share of the way to its next square that a track's square moves in a frame. */
  abstract readonly follow: number;
  /** Views that a new face is checked by. */
  abstract readonly checkViews: 1 | 2;
  /** Smallest face that is found, from the brows to the chin, in pixels of the scaled frame. */
  abstract readonly facePixels: number;
  readonly #faces: BoxNetwork;
  readonly #points: PointNetwork;

  /** Makes both networks; where the second cannot be made, the first is freed. */
  constructor(makeFaces: () => BoxNetwork, makePoints: () => PointNetwork) {
    this.#faces = makeFaces();
    try {
      this.#points = makePoints();
    } catch (error) {
      this.#faces.dispose();
      throw error;
    }
  }

  /** See `findFaces`. */
  findFaces(frame: VideoFrame, scale: number, minScore: number): Promise<FoundFace[]> {
    return findFaces(this.#faces, frame, scale, minScore);
  }

  /** See `landmarksInSquares`. */
  landmarks(frame: VideoFrame, squares: readonly Square[], views: 1 | 2 | 5): Promise<CropLandmarks[]> {
    return landmarksInSquares(this.#points, frame, squares, views);
  }

  /** The square in which the points of a detected face are first searched. */
  abstract firstSquare(face: FoundFace): Square;
  /** The square in which the points of a face are searched next. */
  abstract nextSquare(square: Square, found: CropLandmarks): Square;
  /** Whether the points are those of a face. */
  abstract isFace(found: CropLandmarks): boolean;

  /** Frees the weights of both; safe to call twice. */
  dispose(): void {
    this.#faces.dispose();
    this.#points.dispose();
  }
}
