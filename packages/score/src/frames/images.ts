import { fail } from '@lipsync/contracts';

/** An image in memory: RGB or RGBA, 0..255, row by row; alpha is ignored. `ImageData` of a canvas is one. */
export type PlainImage = { data: Uint8Array | Uint8ClampedArray; width: number; height: number };

/** The images of a stream, all of one size. */
export async function collectImages(
  where: string,
  images: AsyncIterable<PlainImage> | Iterable<PlainImage>,
): Promise<PlainImage[]> {
  const all: PlainImage[] = [];
  for await (const image of images) {
    const { data, width, height } = image;
    const pixels = width * height;
    const [first = image] = all;
    if (!(pixels > 0 && (data?.length === 3 * pixels || data?.length === 4 * pixels)))
      fail(TypeError, where, 'frames', `${width} x ${height} pixels of 3 or 4 bytes each`, `${data?.length} bytes`);
    if (width !== first.width || height !== first.height)
      fail(TypeError, where, 'frames', `of one size, ${first.width} x ${first.height}`, `${width} x ${height}`);
    all.push(image);
  }
  if (all.length === 0) fail(RangeError, where, 'frames', 'at least one', 'none');
  return all;
}

/**
 * Which of `count` images at `from` per second is shown at each frame at `to` per second: the last one whose time,
 * rounded to the new rate, has come, as ffmpeg's filter `fps` does.
 */
export function framesAtRate(count: number, from: number, to: number): number[] {
  const length = Math.max(1, Math.round((count * to) / from));
  return Array.from({ length }, (_, frame) =>
    Math.min(count - 1, Math.max(0, Math.ceil(((frame + 0.5) * from) / to) - 1)),
  );
}

/** RGB bytes of an image: its own, or a copy without alpha. */
export function rgbOf({ data, width, height }: PlainImage): Uint8Array {
  const pixels = width * height;
  if (data.length === 3 * pixels) return new Uint8Array(data.buffer, data.byteOffset, data.length);
  const rgb = new Uint8Array(3 * pixels);
  for (let from = 0, to = 0; to < rgb.length; from += 4, to += 3) {
    rgb[to] = data[from];
    rgb[to + 1] = data[from + 1];
    rgb[to + 2] = data[from + 2];
  }
  return rgb;
}
