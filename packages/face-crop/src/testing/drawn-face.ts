import type { VideoFrame } from '@lipsync/contracts';

/**
 * A made portrait, so that no third-party image is needed. `reference/face-crop-networks.py` draws the same one:
 * only + - * / sqrt and comparisons, in the same order, so that both give the same bytes.
 */
export type DrawnFace = {
  /** Centre of the face and half its height, pixels. */
  x: number;
  y: number;
  half: number;
  /** Cosine and sine of the tilt, clockwise. */
  cos?: number;
  sin?: number;
  /** Height of the open mouth, 0 closed .. 1. */
  open?: number;
  /** RGB of the skin. */
  skin?: readonly number[];
  hair?: readonly number[];
};

type Ellipse = [x: number, y: number, a: number, b: number, edge: number];

/** 1 inside, 0 outside, a smooth edge between. */
function cover(u: number, v: number, [x, y, a, b, edge]: Ellipse): number {
  const p = (u - x) / a;
  const q = (v - y) / b;
  const distance = (Math.sqrt(p * p + q * q) - 1) * (a < b ? a : b);
  const t = 0.5 - distance / edge;
  const s = t < 0 ? 0 : t > 1 ? 1 : t;
  return s * s * (3 - 2 * s);
}

/** Draws faces over a plain wall with a little seeded grain. */
export function drawFaces(width: number, height: number, faces: readonly DrawnFace[], seed = 1): Uint8Array {
  const data = new Uint8Array(width * height * 3);
  let state = seed >>> 0;
  for (let row = 0; row < height; row++) {
    for (let column = 0; column < width; column++) {
      let red = 96 + (40 * column) / width;
      let green = 110 + (30 * row) / height;
      let blue = 125.0;
      for (const face of faces) {
        const { cos = 1, sin = 0, open = 0.2, skin = [205, 160, 135], hair = [52, 38, 30] } = face;
        const dx = (column + 0.5 - face.x) / face.half;
        const dy = (row + 0.5 - face.y) / face.half;
        const u = cos * dx + sin * dy;
        const v = cos * dy - sin * dx;
        if (u < -1.8 || u > 1.8 || v < -1.6 || v > 2.2) continue;
        const generate = (amount: number, r: number, g: number, b: number) => {
          red = red + (r - red) * amount;
          green = green + (g - green) * amount;
          blue = blue + (b - blue) * amount;
        };
        const shade = 1 - 0.25 * u * u - 0.1 * v + 0.05 * u;
        const [r, g, b] = [skin[0] * shade, skin[1] * shade, skin[2] * shade];
        generate(cover(u, v, [0, 2.1, 1.5, 0.95, 0.05]), 45, 55, 85);
        generate(cover(u, v, [0, -0.2, 0.92, 1.0, 0.08]), hair[0], hair[1], hair[2]);
        generate(cover(u, v, [0, 1.0, 0.42, 0.6, 0.1]), r * 0.75, g * 0.72, b * 0.72);
        generate(cover(u, v, [-0.78, 0.0, 0.1, 0.2, 0.05]), r * 0.9, g * 0.85, b * 0.85);
        generate(cover(u, v, [0.78, 0.0, 0.1, 0.2, 0.05]), r * 0.9, g * 0.85, b * 0.85);
        generate(cover(u, v, [0, 0.05, 0.76, 0.98, 0.06]), r, g, b);
        generate(
          cover(u, v, [0, -0.82, 0.66, 0.3, 0.12]) * cover(u, v, [0, 0.05, 0.78, 1.0, 0.06]),
          hair[0],
          hair[1],
          hair[2],
        );
        for (const side of [-1, 1]) {
          generate(cover(u, v, [side * 0.32, -0.14, 0.22, 0.15, 0.16]) * 0.45, r * 0.72, g * 0.66, b * 0.66);
          generate(cover(u, v, [side * 0.33, -0.34, 0.21, 0.035, 0.05]), hair[0], hair[1], hair[2]);
          generate(cover(u, v, [side * 0.32, -0.13, 0.14, 0.065, 0.03]), 235, 230, 225);
          generate(cover(u, v, [side * 0.31, -0.13, 0.065, 0.063, 0.02]), 70, 50, 35);
          generate(cover(u, v, [side * 0.31, -0.13, 0.028, 0.028, 0.015]), 12, 10, 10);
          generate(cover(u, v, [side * 0.32, -0.195, 0.15, 0.018, 0.025]), 45, 30, 25);
          generate(cover(u, v, [side * 0.11, 0.27, 0.045, 0.025, 0.03]), r * 0.45, g * 0.38, b * 0.36);
          generate(cover(u, v, [side * 0.42, 0.25, 0.22, 0.16, 0.3]) * 0.25, r * 1.02, g * 0.85, b * 0.82);
        }
        generate(cover(u, v, [0.05, 0.05, 0.06, 0.25, 0.1]) * 0.3, r * 0.75, g * 0.7, b * 0.7);
        generate(cover(u, v, [0, 0.3, 0.16, 0.06, 0.12]) * 0.35, r * 0.65, g * 0.58, b * 0.56);
        generate(cover(u, v, [0, 0.19, 0.07, 0.07, 0.1]) * 0.5, r * 1.12, g * 1.12, b * 1.12);
        generate(cover(u, v, [0, 0.53 + 0.05 * open, 0.27, 0.075 + 0.1 * open, 0.04]), r * 0.82, g * 0.48, b * 0.48);
        generate(cover(u, v, [0, 0.525 + 0.05 * open, 0.22, 0.012 + 0.085 * open, 0.025]), 60, 22, 24);
        generate(cover(u, v, [0, 0.7, 0.18, 0.04, 0.1]) * 0.3, r * 0.7, g * 0.62, b * 0.6);
      }
      const at = (row * width + column) * 3;
      [red, green, blue].forEach((value, colour) => {
        state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
        const level = Math.floor(value + 0.5) + ((state >>> 16) % 5) - 2;
        data[at + colour] = level < 0 ? 0 : level > 255 ? 255 : level;
      });
    }
  }
  return data;
}

/** The same as a frame of a video. */
export function drawnFrame(
  width: number,
  height: number,
  faces: readonly DrawnFace[],
  index = 0,
  seed = index + 1,
): VideoFrame {
  return { data: drawFaces(width, height, faces, seed), width, height, index, timeSec: index / 25 };
}
