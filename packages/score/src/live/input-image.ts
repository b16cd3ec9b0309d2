import { fail } from '@lipsync/contracts';
import { type PlainImage, rgbOf } from '../frames/images';

/** A `VideoFrame` of WebCodecs, as far as it is used here. */
export type TimedVideoFrame = { displayWidth: number; displayHeight: number; timestamp: number };

let canvas: OffscreenCanvas | undefined;

/** A copy of a frame as RGB. @throws TypeError for something that is no image. */
export function copyImage(where: string, image: PlainImage | TimedVideoFrame): PlainImage {
  if ('displayWidth' in image) return drawn(image);
  const { data, width, height } = image;
  const pixels = width * height;
  if (!(pixels > 0 && (data?.length === 3 * pixels || data?.length === 4 * pixels)))
    fail(TypeError, where, 'image', `${width} x ${height} pixels of 3 or 4 bytes each`, `${data?.length} bytes`);
  const rgb = rgbOf(image);
  return { data: data.length === 3 * pixels ? rgb.slice() : rgb, width, height };
}

/** As the browser converts it: a `VideoFrame` may lie on the graphics card. */
function drawn(frame: TimedVideoFrame): PlainImage {
  const { displayWidth: width, displayHeight: height } = frame;
  if (canvas?.width !== width || canvas.height !== height) canvas = new OffscreenCanvas(width, height);
  const context = canvas.getContext('2d', { willReadFrequently: true })!;
  context.drawImage(frame as unknown as CanvasImageSource, 0, 0, width, height);
  const { data } = context.getImageData(0, 0, width, height);
  return { data: rgbOf({ data, width, height }), width, height };
}
