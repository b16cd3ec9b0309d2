/** A change below this share of the largest ones is that of an encoder, or of a crop that settles. */
const LEAST_SHARE = 0.12;

/** The largest changes: the top fiftieth of them. */
const LARGEST = 0.02;

/**
 * Counts the different images among the frames of a face: a video of one image a second shows each 25 times.
 *
 * An image is new where the mean absolute difference from the frame before reaches an eighth of the largest differences
 * of the clip.
 *
 * @example
 * const images = new ImageCounter();
 * for (const { frames } of windows) images.add(frames, expert.recipe.frameCount);
 * const verdict = syncVerdict(score, { imagesPerSec: images.perSec(25) });
 */
export class ImageCounter {
  readonly #differences: number[] = [];
  readonly #most: number;
  #last?: Float32Array;

  /** @param options.most frames that count, the last ones. Default: all. */
  constructor({ most = Infinity }: { most?: number } = {}) {
    this.#most = most;
  }

  /** @param frames of a window, `[height, width, frameCount * 3]`, of which the last is new. */
  add(frames: Float32Array, frameCount: number): void {
    const stride = 3 * frameCount;
    const pixels = frames.length / stride;
    const last = (this.#last ??= new Float32Array(3 * pixels).fill(Number.NaN));
    let sum = 0;
    for (let pixel = 0; pixel < pixels; pixel++) {
      for (let c = 0; c < 3; c++) {
        const value = frames[pixel * stride + stride - 3 + c];
        sum += Math.abs(value - last[3 * pixel + c]);
        last[3 * pixel + c] = value;
      }
    }
    if (Number.isNaN(sum)) return;
    this.#differences.push(sum / pixels);
    if (this.#differences.length > this.#most) this.#differences.shift();
  }

  /** Different images a second; undefined for fewer than two seconds. */
  perSec(fps: number): number | undefined {
    const count = this.#differences.length;
    if (count < 2 * fps) return undefined;
    const falling = [...this.#differences].sort((a, b) => b - a);
    const largest = falling[Math.floor(LARGEST * count)];
    const changes = this.#differences.filter((difference) => difference > LEAST_SHARE * largest).length;
    return (changes * fps) / count;
  }
}
