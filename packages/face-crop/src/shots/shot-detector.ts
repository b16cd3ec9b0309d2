import { assertVideoFrame, fail, type VideoFrame } from '@lipsync/contracts';
import { roundHalfEven } from '../crop/round-half-even';

export type ShotDetectorOptions = {
  /**
   * `adaptive`: a cut is a frame that differs much more than its neighbours; `content`: one that differs much. Default
   * `adaptive`.
   */
  method?: 'adaptive' | 'content';
  /**
   * Of `adaptive`: how many times the neighbours' mean, default 3 (LatentSync: 2). Of `content`: difference from the
   * frame before, default 27.
   */
  threshold?: number;
  /** Least difference of a cut for `adaptive`. Default 15. */
  minContent?: number;
  /** Neighbours on each side for `adaptive`. Default 2. */
  window?: number;
  /** Frames in the shortest shot. Default 15. */
  minFrames?: number;
};

/** Frames are subsampled to about this width: a mean over 10,000 pixels is as good as one over all. */
const SMALL_WIDTH = 128;

/**
 * Finds cuts in a video, frame by frame, in constant memory.
 *
 * The difference of two frames is the mean over hue (0..179), saturation and value (0..255) of the mean absolute
 * difference. `content`: a cut where it reaches the threshold. `adaptive`: where it reaches `minContent` and
 * `threshold` times the mean of the `window` differences before and after, so that fast movement is no cut; a cut is
 * reported `window` frames later.
 *
 * Source: PySceneDetect's ContentDetector and AdaptiveDetector on OpenCV's HSV; hue, saturation and value equal OpenCV
 * 4.6's, see the test. Frames are subsampled by taking every n-th pixel, and `minFrames` holds for the first shot, too;
 * see the README for how its versions differ.
 *
 * @throws RangeError if an option is out of range; TypeError if a frame has another size than the one before.
 * @example
 * import { ShotDetector } from '@lipsync/face-crop';
 * const shots = new ShotDetector();
 * const cuts: number[] = [];
 * for await (const frame of media.frames('news.mp4')) cuts.push(...shots.push(frame));
 * cuts.push(...shots.finish()); // first frames of all shots but the first
 */
export class ShotDetector {
  readonly #options: Required<ShotDetectorOptions>;
  #before?: { hsv: Uint8Array; width: number; height: number };
  /** The last differences: those not decided yet and their neighbours. */
  #recent: { index: number; content: number }[] = [];
  #lastCut?: number;

  constructor(options: ShotDetectorOptions = {}) {
    const { method = 'adaptive', minContent = 15, window = 2, minFrames = 15 } = options;
    if (method !== 'adaptive' && method !== 'content')
      fail(TypeError, 'ShotDetector', 'method', 'adaptive or content', method);
    const threshold = options.threshold ?? (method === 'adaptive' ? 3 : 27);
    for (const [name, value] of Object.entries({ threshold, minContent })) {
      if (!(value >= 0 && Number.isFinite(value))) fail(RangeError, 'ShotDetector', name, 'at least 0', value);
    }
    for (const [name, value] of Object.entries({ window, minFrames })) {
      if (!(Number.isInteger(value) && value > 0))
        fail(RangeError, 'ShotDetector', name, 'a whole number above 0', value);
    }
    this.#options = { method, threshold, minContent, window, minFrames };
  }

  /** Takes the next frame. @returns first frames of the shots that are certain now. */
  push(frame: VideoFrame): number[] {
    assertVideoFrame('ShotDetector.push', frame);
    const { method, window } = this.#options;
    const { width, height } = frame;
    const hsv = smallHsv(frame);
    const before = this.#before;
    this.#before = { hsv, width, height };
    this.#lastCut ??= frame.index;
    if (!before) return [];
    if (before.width !== width || before.height !== height) {
      fail(
        TypeError,
        'ShotDetector.push',
        'frame',
        `of ${before.width} x ${before.height} pixels, as the one before`,
        `${width} x ${height}`,
      );
    }
    const content = meanDifference(before.hsv, hsv);
    if (method === 'content') return this.#cutAt(frame.index, content >= this.#options.threshold);
    this.#recent.push({ index: frame.index, content });
    if (this.#recent.length < 2 * window + 1) return [];
    const cuts = this.#decide(window);
    this.#recent.shift();
    return cuts;
  }

  /** Ends the video. @returns nothing more: a cut needs frames on both sides. */
  finish(): number[] {
    this.reset();
    return [];
  }

  /** Starts the next video. */
  reset(): void {
    this.#before = undefined;
    this.#lastCut = undefined;
    this.#recent = [];
  }

  #decide(at: number): number[] {
    const { threshold, minContent } = this.#options;
    const { index, content } = this.#recent[at];
    const others = this.#recent.reduce((sum, entry) => sum + entry.content, 0) - content;
    const mean = others / (this.#recent.length - 1);
    const ratio = mean > 1e-5 ? Math.min(255, content / mean) : 255;
    return this.#cutAt(index, content >= minContent && ratio >= threshold);
  }

  #cutAt(index: number, differs: boolean): number[] {
    if (!differs || index - this.#lastCut! < this.#options.minFrames) return [];
    this.#lastCut = index;
    return [index];
  }
}

/**
 * Hue, saturation and value of every n-th pixel, n so that about 128 remain across; OpenCV's whole-number arithmetic.
 */
export function smallHsv({ data, width, height }: VideoFrame): Uint8Array {
  const step = Math.max(1, Math.floor(width / SMALL_WIDTH));
  const out = new Uint8Array(Math.ceil(width / step) * Math.ceil(height / step) * 3);
  let to = 0;
  for (let row = 0; row < height; row += step) {
    for (let column = 0; column < width; column += step, to += 3) {
      const at = (row * width + column) * 3;
      const r = data[at];
      const g = data[at + 1];
      const b = data[at + 2];
      const value = Math.max(r, g, b);
      const range = value - Math.min(r, g, b);
      let hue = value === r ? g - b : value === g ? b - r + 2 * range : r - g + 4 * range;
      hue = (hue * HUE_SCALE[range] + 2048) >> 12;
      out[to] = hue < 0 ? hue + 180 : hue;
      out[to + 1] = (range * SATURATION_SCALE[value] + 2048) >> 12;
      out[to + 2] = value;
    }
  }
  return out;
}

const SATURATION_SCALE = Int32Array.from({ length: 256 }, (_, i) => (i === 0 ? 0 : roundHalfEven((255 * 4096) / i)));
const HUE_SCALE = Int32Array.from({ length: 256 }, (_, i) => (i === 0 ? 0 : roundHalfEven((180 * 4096) / (6 * i))));

function meanDifference(a: Uint8Array, b: Uint8Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) {
    const difference = (a[i] - b[i]) | 0;
    const sign = difference >> 31;
    sum = (sum + ((difference ^ sign) - sign)) | 0; // below 2^31: frames are subsampled
  }
  return sum / a.length;
}
