import type { CompileNetwork } from '@lipsync/contracts/tensors';
import type { Square } from '../crop/sample-square';
import { FaceNetworks } from '../detect/face-networks';
import type { FoundFace } from '../detect/find-faces';
import type { CropLandmarks } from '../detect/landmark-crops';
import { BlazeFace } from './blaze-face';
import { FaceMesh } from './face-mesh';
import type { MediapipeWeights } from './mediapipe-weights';

/** Side of the mesh network's square over the longer side of the box, MediaPipe's. */
const SQUARE_SCALE = 1.5;

/** Confidence of the mesh network below which there is no face, MediaPipe's. */
const MIN_PRESENCE = 0.5;

/** MediaPipe's BlazeFace and Face Mesh. */
export class MediapipeNetworks extends FaceNetworks {
  readonly scales = [256, 512];
  readonly fineScales = [1024];
  readonly minScore = 0.5;
  readonly follow = 1;
  readonly checkViews = 1;
  /** Measured in frames of 1920 x 1080: at 1024 all faces of 28 pixels are found, 9 of 10 of 20 and of 14. */
  readonly facePixels = 8;

  constructor(weights: MediapipeWeights, compile?: CompileNetwork) {
    super(
      () => new BlazeFace(weights.blazeface, compile),
      () => new FaceMesh(weights.facemesh, compile),
    );
  }

  firstSquare({ left, top, right, bottom, angle = 0 }: FoundFace): Square {
    const side = SQUARE_SCALE * Math.max(right - left, bottom - top);
    return { x: (left + right) / 2, y: (top + bottom) / 2, side, angle };
  }

  /** Around all points of the mesh, level with the outer corners of the eyes. */
  nextSquare({ x, y, side, angle }: Square, { points, box }: CropLandmarks): Square {
    const { left, right, top, bottom } = box!;
    const [u, v] = [((left + right) / 2 - 0.5) * side, ((top + bottom) / 2 - 0.5) * side];
    return {
      x: x + Math.cos(angle) * u - Math.sin(angle) * v,
      y: y + Math.sin(angle) * u + Math.cos(angle) * v,
      side: SQUARE_SCALE * side * Math.max(right - left, bottom - top),
      angle: Math.atan2(points[91] - points[73], points[90] - points[72]),
    };
  }

  isFace({ presence }: CropLandmarks): boolean {
    return presence >= MIN_PRESENCE;
  }
}
