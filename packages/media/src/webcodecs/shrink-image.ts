import type { RgbImage } from './turn-frame';

/** A run of source pixels and how much of each goes into one target pixel; the weights sum to 1. */
type Share = { first: number; weights: Float32Array };

/**
 * Scales an image down so that each pixel is the mean of the area that it covers.
 *
 * Largest difference from ffmpeg 4.1's `scale` with `flags=area`: see the test.
 *
 * @param size at most that of the image, on both sides.
 * @returns the same image where the size is its own, else a new one.
 */
export function shrinkImage(image: RgbImage, { width, height }: { width: number; height: number }): RgbImage {
  if (width === image.width && height === image.height) return image;
  const columns = sharesOf(image.width, width);
  const rows = sharesOf(image.height, height);
  const row = new Float32Array(3 * image.width);
  const out = new Uint8Array(3 * width * height);
  for (let y = 0, to = 0; y < height; y++) {
    row.fill(0);
    const { first, weights } = rows[y];
    for (let i = 0; i < weights.length; i++) {
      const weight = weights[i];
      for (let x = 0, from = 3 * image.width * (first + i); x < row.length; x++, from++)
        row[x] += weight * image.data[from];
    }
    for (let x = 0; x < width; x++, to += 3) {
      const column = columns[x];
      let [red, green, blue] = [0.5, 0.5, 0.5];
      for (let i = 0, from = 3 * column.first; i < column.weights.length; i++, from += 3) {
        const weight = column.weights[i];
        red += weight * row[from];
        green += weight * row[from + 1];
        blue += weight * row[from + 2];
      }
      out[to] = red;
      out[to + 1] = green;
      out[to + 2] = blue;
    }
  }
  return { data: out, width, height };
}

function sharesOf(from: number, to: number): Share[] {
  const scale = from / to;
  return Array.from({ length: to }, (_, i) => {
    const [start, end] = [i * scale, (i + 1) * scale];
    const first = Math.floor(start);
    const count = Math.min(from, Math.ceil(end - 1e-9)) - first;
    const weights = new Float32Array(count);
    for (let j = 0; j < count; j++) weights[j] = (Math.min(end, first + j + 1) - Math.max(start, first + j)) / scale;
    return { first, weights };
  });
}
