import { drawFaces } from './drawn-face';
import { noiseImage } from './noise-image';

/** The images of `fixtures/networks.json`, `fixtures/embeddings.json` and `fixtures/mediapipe.json` by name. */
export const REFERENCE_IMAGES: Record<string, () => Uint8Array> = {
  'face 112': () => drawFaces(112, 112, [{ x: 56, y: 58, half: 42 }]),
  'noise 112': () => noiseImage(112, 7),
  'face 160': () => drawFaces(160, 160, [{ x: 82, y: 70, half: 40 }]),
  'noise 96': () => noiseImage(96, 11),
  'face 150': () => drawFaces(150, 150, [{ x: 75, y: 70, half: 58 }]),
  'noise 150': () => noiseImage(150, 5),
  'face 256': () => drawFaces(256, 256, [{ x: 130, y: 120, half: 70 }]),
  'noise 256': () => noiseImage(256, 13),
  'face 192': () => drawFaces(192, 192, [{ x: 96, y: 92, half: 58 }]),
  'noise 192': () => noiseImage(192, 17),
};
