import type { CompileNetwork } from '@lipsync/contracts/tensors';
import { trackingSquare } from '../crop/landmark-geometry';
import type { Square } from '../crop/sample-square';
import { FaceDetectorNetwork } from './face-detector-network';
import { FaceNetworks } from './face-networks';
import type { BoxNetwork, FoundFace } from './find-faces';
import type { CropLandmarks } from './landmark-crops';
import { LandmarkNetwork } from './landmark-network';
import type { LandmarkWeights, StoredNetwork } from './network-weights';

/** Side of the network's square over the longer side of the landmarks' box. */
const SQUARE_SCALE = 1.2;

/**
 * Largest disagreement of the straight and the mirrored view, in sides of the square. Measured on 68 clips: on faces at
 * most 0.014, elsewhere at least 0.017 and 0.08 in the median.
 */
const MAX_SPREAD = 0.025;

/** face-api's 68-point network, with any face detector. */
export abstract class SixtyEightPoints extends FaceNetworks {
  /** Half of the way: reduces the jitter of the square and with it of the points. */
  readonly follow = 0.5;
  readonly checkViews = 2;

  constructor(makeFaces: () => BoxNetwork, weights: StoredNetwork, compile?: CompileNetwork) {
    super(makeFaces, () => new LandmarkNetwork(weights, compile));
  }

  firstSquare({ left, top, right, bottom, angle = 0 }: FoundFace): Square {
    return { x: (left + right) / 2, y: (top + bottom) / 2, side: Math.max(right - left, bottom - top), angle };
  }

  nextSquare(_: Square, { points }: CropLandmarks): Square {
    return trackingSquare(points, SQUARE_SCALE);
  }

  isFace({ spread }: CropLandmarks): boolean {
    return spread <= MAX_SPREAD;
  }
}

/** face-api's tiny face detector and 68-point network. */
export class FaceApiNetworks extends SixtyEightPoints {
  /** 224 finds large faces at little cost; the others are for what it misses. */
  readonly scales = [224, 320, 160, 416, 512];
  readonly fineScales = [768, 1024];
  /** Low, as false detections are rejected by their landmarks. */
  readonly minScore = 0.3;
  /** Measured in frames of 1920 x 1080: at 1024 9 of 10 faces of 48 pixels are found, one of 10 of 36. */
  readonly facePixels = 26;

  constructor(weights: LandmarkWeights, compile?: CompileNetwork) {
    super(() => new FaceDetectorNetwork(weights.detector, compile), weights.landmarks, compile);
  }
}
