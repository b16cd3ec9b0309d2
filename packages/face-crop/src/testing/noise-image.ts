/** Coarse coloured blocks with fine grain, the same as `noise` in `reference/face-crop-networks.py`. */
export function noiseImage(size: number, seed: number): Uint8Array {
  let state = seed >>> 0;
  const next = () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state >>> 16;
  };
  const blocks = Array.from({ length: 8 * 8 * 3 }, () => next() % 224);
  const image = new Uint8Array(size * size * 3);
  for (let row = 0; row < size; row++) {
    for (let column = 0; column < size; column++) {
      const block = (Math.floor((row * 8) / size) * 8 + Math.floor((column * 8) / size)) * 3;
      for (let colour = 0; colour < 3; colour++) {
        image[(row * size + column) * 3 + colour] = blocks[block + colour] + (next() % 32);
      }
    }
  }
  return image;
}
