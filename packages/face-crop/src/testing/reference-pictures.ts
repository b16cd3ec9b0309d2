import { drawFaces } from './drawn-face';
import { noisePicture } from './noise-picture';

/** The pictures of `fixtures/networks.json` and `fixtures/embeddings.json` by name. */
export const REFERENCE_PICTURES: Record<string, () => Uint8Array> = {
  'face 112': () => drawFaces(112, 112, [{ x: 56, y: 58, half: 42 }]),
  'noise 112': () => noisePicture(112, 7),
  'face 160': () => drawFaces(160, 160, [{ x: 82, y: 70, half: 40 }]),
  'noise 96': () => noisePicture(96, 11),
  'face 150': () => drawFaces(150, 150, [{ x: 75, y: 70, half: 58 }]),
  'noise 150': () => noisePicture(150, 5),
};
