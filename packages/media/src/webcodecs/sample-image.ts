import type { FrameRegion } from '@lipsync/contracts';
import type { VideoSample } from 'mediabunny';
import { knowsFormat, type RawFrame, regionToRgb } from './pixels-to-rgb';
import type { RgbImage } from './turn-frame';

/** How the planes of a track's frames become RGB, where the file says so. */
export type Colours = Pick<RawFrame, 'matrix' | 'fullRange'>;

/** Decoded frames to RGB, through buffers that are used again. */
export class SampleImages {
  readonly #stored: { width: number; height: number };
  readonly #colours: Colours;
  #buffer = new Uint8Array(0);
  #canvas?: OffscreenCanvasRenderingContext2D;

  /** @param stored size of all frames; one of another size is scaled to it. */
  constructor(stored: { width: number; height: number }, colours: Colours) {
    this.#stored = stored;
    this.#colours = colours;
  }

  /** RGB of a region of a frame, or of all of it; not turned upright. The frame is borrowed. */
  async read(sample: VideoSample, part?: FrameRegion): Promise<RgbImage> {
    const { width, height } = this.#stored;
    const region = part ?? { left: 0, top: 0, width, height };
    const raw = await this.#rawFrame(sample);
    return { data: regionToRgb(raw, region), width: region.width, height: region.height };
  }

  async #rawFrame(sample: VideoSample): Promise<RawFrame> {
    const { width, height } = this.#stored;
    const { format, visibleRect } = sample;
    if (!knowsFormat(format) || visibleRect.width !== width || visibleRect.height !== height)
      return this.#drawn(sample);
    const bytes = sample.allocationSize();
    if (this.#buffer.length < bytes) this.#buffer = new Uint8Array(bytes);
    const planes = await sample.copyTo(this.#buffer);
    return { data: this.#buffer, format, width, height, planes, ...this.#colours };
  }

  /** As the browser converts it: formats of more than 8 bits, and frames that stay on the graphics card. */
  #drawn(sample: VideoSample): RawFrame {
    const { width, height } = this.#stored;
    this.#canvas ??= new OffscreenCanvas(width, height).getContext('2d', { willReadFrequently: true })!;
    sample.setRotation(0); // turned later, as all frames
    sample.draw(this.#canvas, 0, 0, width, height);
    const { data } = this.#canvas.getImageData(0, 0, width, height);
    const pixels = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
    return { data: pixels, format: 'RGBA', width, height, planes: [{ offset: 0, stride: 4 * width }] };
  }
}
