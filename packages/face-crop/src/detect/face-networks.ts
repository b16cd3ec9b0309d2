import type { VideoFrame } from '@lipsync/contracts';
import type { Square } from '../crop/sample-square';
import type { FoundFace } from './find-faces';
import type { CropLandmarks } from './landmark-crops';

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
  /** Smallest face that is found, from the brows to the chin, in pixels of the scaled frame. */
  readonly facePixels: number;
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
