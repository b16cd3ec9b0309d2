import type { VideoFrame } from '@lipsync/contracts';
import { trackingSquare } from '../crop/landmark-geometry';
import type { Square } from '../crop/sample-square';
import { FaceDetectorNetwork } from './face-detector-network';
import { type FoundFace, findFaces } from './find-faces';
import { type CropLandmarks, landmarksInSquares } from './landmark-crops';
import { LandmarkNetwork } from './landmark-network';
import type { LandmarkWeights } from './network-weights';

/** Two networks, one that detects faces and one that finds their points, and the rules that suit them. */
export interface FaceNetworks {
  /** Sides in pixels to which frames are scaled for detection, in the order in which they are tried. */
  readonly scales: readonly number[];
  /** Larger sides, tried now and then while no face is found. */
  readonly fineScales: readonly number[];
  /** Smallest detection score. */
  readonly minScore: number;
  /** Share of the way to its next square that a track's square moves in a frame. */
  readonly follow: number;
  /** Views that a new face is checked by. */
  readonly checkViews: 1 | 2;
  /** Smallest face that is found, as a share of the frame's longer side: height from the brows to the chin. */
  readonly smallestFace: number;
  findFaces(frame: VideoFrame, scale: number, minScore: number): Promise<FoundFace[]>;
  landmarks(frame: VideoFrame, squares: readonly Square[], views: 1 | 2 | 5): Promise<CropLandmarks[]>;
  /** The square in which the points of a detected face are looked for first. */
  firstSquare(face: FoundFace): Square;
  /** The square in which the points of a face are looked for next. */
  nextSquare(square: Square, found: CropLandmarks): Square;
  /** Whether the points are those of a face. */
  isFace(found: CropLandmarks): boolean;
  dispose(): void;
}

/** Side of the network's square over the longer side of the landmarks' box. */
const SQUARE_SCALE = 1.2;

/**
 * Largest disagreement of the straight and the mirrored view, in sides of the square. Measured on 68 clips: on faces at
 * most 0.014, elsewhere at least 0.017 and 0.08 in the median.
 */
const MAX_SPREAD = 0.025;

/** face-api's tiny face detector and 68-point network. */
export class FaceApiNetworks implements FaceNetworks {
  /** 224 finds large faces at little cost; the others are for what it misses. */
  readonly scales = [224, 320, 160, 416, 512];
  readonly fineScales = [768, 1024];
  /** Low, as false detections are rejected by their landmarks. */
  readonly minScore = 0.3;
  /** Half of the way: reduces the jitter of the square and with it of the points. */
  readonly follow = 0.5;
  readonly checkViews = 2;
  readonly smallestFace = 1 / 17;
  readonly #faces: FaceDetectorNetwork;
  readonly #points: LandmarkNetwork;

  constructor(weights: LandmarkWeights) {
    this.#faces = new FaceDetectorNetwork(weights.detector);
    try {
      this.#points = new LandmarkNetwork(weights.landmarks);
    } catch (error) {
      this.#faces.dispose();
      throw error;
    }
  }

  findFaces(frame: VideoFrame, scale: number, minScore: number): Promise<FoundFace[]> {
    return findFaces(this.#faces, frame, scale, minScore);
  }

  landmarks(frame: VideoFrame, squares: readonly Square[], views: 1 | 2 | 5): Promise<CropLandmarks[]> {
    return landmarksInSquares(this.#points, frame, squares, views);
  }

  firstSquare({ left, top, right, bottom }: FoundFace): Square {
    return { x: (left + right) / 2, y: (top + bottom) / 2, side: Math.max(right - left, bottom - top), angle: 0 };
  }

  nextSquare(_: Square, { points }: CropLandmarks): Square {
    return trackingSquare(points, SQUARE_SCALE);
  }

  isFace({ spread }: CropLandmarks): boolean {
    return spread <= MAX_SPREAD;
  }

  dispose(): void {
    this.#faces.dispose();
    this.#points.dispose();
  }
}
