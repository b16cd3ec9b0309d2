import { encode } from 'fast-png';
import type { RgbImage } from './crop-collector';

// Five rows of three bits, the left one highest.
const DIGITS: Readonly<Record<string, readonly number[]>> = {
  0: [7, 5, 5, 5, 7],
  1: [2, 6, 2, 2, 7],
  2: [7, 1, 7, 4, 7],
  3: [7, 1, 7, 1, 7],
  4: [5, 5, 7, 1, 1],
  5: [7, 4, 7, 1, 7],
  6: [7, 4, 7, 5, 7],
  7: [7, 1, 2, 2, 2],
  8: [7, 5, 7, 5, 7],
  9: [7, 5, 7, 1, 7],
};

/** Height and width of a digit with the gap beside it, in dots. */
export const DIGIT = { height: 5, width: 4 };

/** An image that other images and whole numbers are drawn on. */
export class Canvas implements RgbImage {
  readonly data: Uint8Array;
  readonly width: number;
  readonly height: number;

  /** @param gray of the background, 0..255. */
  constructor(width: number, height: number, gray: number) {
    this.width = width;
    this.height = height;
    this.data = new Uint8Array(width * height * 3).fill(gray);
  }

  /** Draws an image, each of its pixels as a square of `scale`. */
  draw(image: RgbImage, left: number, top: number, scale = 1): void {
    for (let y = 0; y < image.height * scale; y++) {
      for (let x = 0; x < image.width * scale; x++) {
        const from = 3 * (Math.floor(y / scale) * image.width + Math.floor(x / scale));
        this.data.set(image.data.subarray(from, from + 3), 3 * ((top + y) * this.width + left + x));
      }
    }
  }

  /** Writes a whole number, each dot of its digits a square of `scale`. */
  number(value: number, left: number, top: number, { scale = 2, gray = 60 } = {}): void {
    for (const [i, digit] of [...String(value)].entries()) {
      for (const [row, bits] of (DIGITS[digit] ?? []).entries()) {
        for (let column = 0; column < 3; column++) {
          if (bits & (4 >> column))
            this.#square(left + (i * DIGIT.width + column) * scale, top + row * scale, scale, gray);
        }
      }
    }
  }

  #square(left: number, top: number, side: number, gray: number): void {
    for (let y = top; y < top + side; y++)
      this.data.fill(gray, 3 * (y * this.width + left), 3 * (y * this.width + left + side));
  }
}

/** The bytes of a PNG file. */
export function pngOf({ data, width, height }: RgbImage): Uint8Array {
  return encode({ data, width, height, channels: 3, depth: 8 });
}
