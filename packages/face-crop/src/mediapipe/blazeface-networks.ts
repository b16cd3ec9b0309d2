import type { CompileNetwork } from '@lipsync/contracts/tensors';
import type { Square } from '../crop/sample-square';
import { SixtyEightPoints } from '../detect/face-api-networks';
import type { FoundFace } from '../detect/find-faces';
import { readStoredNetwork, type StoredNetwork } from '../detect/network-weights';
import { BlazeFace } from './blaze-face';
import { readGraph } from './mediapipe-weights';
import type { StoredGraph } from './stored-graph';

/** The weights of BlazeFace and of the 68-point network. */
export type BlazefaceWeights = {
  /** `blazeface` of `@lipsync/mediapipe-weights`. */
  blazeface: StoredGraph;
  /** `face_landmark_68_model` of `@vladmandic/face-api`. */
  landmarks: StoredNetwork;
};

/**
 * Reads the weights of BlazeFace and of the 68-point network.
 *
 * @param from none: the files of `@lipsync/mediapipe-weights` and of this package, outside Node by the addresses
 *   that bundlers give the files. A URL: of a folder with their files `blazeface` and `face_landmark_68_model`, read by `fetch`; end it with a slash.
 * @throws Error if a file is not there.
 */
export async function readBlazefaceWeights(from?: URL): Promise<BlazefaceWeights> {
  return { blazeface: await readGraph('blazeface', from), landmarks: await readStoredNetwork('landmarks', from) };
}

/**
 * Side of the first square over that of BlazeFace's box. Measured on 10 turned faces: lips 4.9 % of the face measure
 * off, all confirmed; 6.7 % and 9 of 10 with the box itself.
 */
const FIRST_SQUARE = 1.3;

/** MediaPipe's BlazeFace detects, face-api's 68-point network follows. */
export class BlazefaceNetworks extends SixtyEightPoints {
  readonly scales = [256, 512];
  readonly fineScales = [1024];
  readonly minScore = 0.5;
  /** Measured in frames of 1920 x 1080: at 1024 all faces of 20 pixels are found, 6 of 10 of 14. */
  readonly facePixels = 11;

  constructor(weights: BlazefaceWeights, compile?: CompileNetwork) {
    super(() => new BlazeFace(weights.blazeface, compile), weights.landmarks, compile);
  }

  override firstSquare(face: FoundFace): Square {
    const square = super.firstSquare(face);
    return { ...square, side: FIRST_SQUARE * square.side };
  }
}
