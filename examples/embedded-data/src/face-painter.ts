import { fail } from '@lipsync/contracts';
import { Random } from '@lipsync/nn';
import { Canvas, ellipse, smoothClosed, smoothOpen } from './canvas';
import { drawEyes, drawGlasses } from './draw-eyes';
import { drawMouth } from './draw-mouth';
import {
  depthAt,
  dropWithJaw,
  type FaceState,
  type HeadPose,
  jawDrop,
  jawPoints,
  jawShare,
  toFrame,
} from './face-geometry';
import { type HeadTexture, headTexture, TEXELS, TEXTURE_LEFT, TEXTURE_TOP } from './head-texture';
import type { Person, Rgb } from './person';
import { smoothNoise } from './smooth-noise';

const NOISE_LENGTH = 1 << 16;
// Pixels between points where the head's warp is computed; it is smooth, so lines between them do.
const CELL = 4;

/**
 * Draws one person, frame after frame. Keeps what does not move; about 7 ms for a frame of 256 pixels.
 *
 * @example
 * const painter = new FacePainter(person(3));
 * const rgb = painter.draw({ mouth: track.at(0.02), pose: motion(0.02) }, 0); // 256 * 256 * 3 bytes
 */
export class FacePainter {
  readonly #canvas: Canvas;
  readonly #texture: HeadTexture;
  readonly #backdrop: Float32Array;
  readonly #grain: Float32Array;

  /** @param size side of the square frames, pixels. Default 256. */
  constructor(
    readonly who: Person,
    readonly size = 256,
  ) {
    if (!(Number.isInteger(size) && size > 0 && size % CELL === 0)) {
      fail(RangeError, 'FacePainter', 'size', `a multiple of ${CELL} above 0`, size);
    }
    this.#canvas = new Canvas(size, size);
    this.#texture = headTexture(who);
    this.#backdrop = paintBackdrop(who, size);
    const random = new Random(who.seed, 5);
    this.#grain = Float32Array.from({ length: NOISE_LENGTH }, () => random.normal() * who.light.noise);
  }

  /**
   * @param index number of the frame: chooses the camera's noise, nothing else.
   * @returns RGB, `size * size * 3` bytes, a new array.
   */
  draw(state: FaceState, index: number): Uint8Array {
    this.#canvas.data.set(this.#backdrop);
    this.#drawBody(state);
    this.#drawHead(state);
    drawEyes(this.#canvas, this.who, state.pose);
    drawMouth(this.#canvas, this.who, state);
    drawGlasses(this.#canvas, this.who, state.pose);
    return this.#develop(index);
  }

  #drawBody({ pose }: FaceState): void {
    const { who } = this;
    const canvas = this.#canvas;
    const { scale } = pose;
    // The body follows the head half way and stays upright.
    const x = this.size / 2 + (pose.x - this.size / 2) * 0.7;
    const y = who.pose.centreY * (this.size / 256) + (pose.y - who.pose.centreY * (this.size / 256)) * 0.5;
    const place = (points: number[]) => points.map((value, i) => (i % 2 ? y : x) + value * scale);
    const shoulders = place(
      smoothClosed([
        -0.5, 2.25, -1.2, 2.5, -2.1, 2.75, -2.6, 3.4, -2.7, 5, 2.7, 5, 2.6, 3.4, 2.1, 2.75, 1.2, 2.5, 0.5, 2.25,
      ]),
    );
    const neckWidth = 0.78 * who.shape.faceWidth * who.shape.jawWidth;
    const neck = place(
      smoothClosed([
        -neckWidth,
        1.0,
        -neckWidth,
        1.8,
        -neckWidth - 0.06,
        2.25,
        -0.6,
        2.65,
        0,
        2.85,
        0.6,
        2.65,
        neckWidth + 0.06,
        2.25,
        neckWidth,
        1.8,
        neckWidth,
        1.0,
      ]),
    );
    // Both are round: darker towards the side that turns from the light.
    const rounded = (color: Rgb, level: number, radius: number) => (pixel: number, share: number, column: number) => {
      const across = (column + 0.5 - x) / (radius * scale);
      const light = level * (1 - 0.16 * across * across + 0.12 * across * Math.sign(who.light.direction[0]));
      canvas.blend(pixel, share, color[0] * light, color[1] * light, color[2] * light);
    };
    canvas.fill([shoulders], rounded(who.shirt, 0.95, 2.2));
    canvas.fill([neck], rounded(who.skin, 0.72 + 0.2 * who.light.ambient, neckWidth));
  }

  #drawHead({ mouth, pose }: FaceState): void {
    const { size, who } = this;
    const [canvas, texture] = [this.#canvas, this.#texture];
    const drop = jawDrop(who, mouth);
    // The chin's shadow on the neck.
    const jaw = dropWithJaw(jawPoints(who), drop).slice(2 * 4, -2 * 4);
    const shadow = jaw.map((value, i) => (i % 2 ? value + 0.16 : value * 0.86));
    canvas.shade([toFrame(smoothOpen(shadow, 2), pose)], 0.55, 5);

    const { data: texels, width, height } = texture;
    const { data } = canvas;
    const lattice = this.#textureLattice(pose, drop);
    const row = size / CELL + 1;
    for (let y = 0; y < size; y++) {
      const across = (y + 0.5) / CELL;
      const cellY = Math.floor(across);
      const b = across - cellY;
      for (let cellX = 0; cellX < size / CELL; cellX++) {
        const corner = (cellY * row + cellX) * 2;
        const lower = corner + row * 2;
        const leftX = lattice[corner] + (lattice[lower] - lattice[corner]) * b - 0.5;
        const leftY = lattice[corner + 1] + (lattice[lower + 1] - lattice[corner + 1]) * b - 0.5;
        const stepX = (lattice[corner + 2] + (lattice[lower + 2] - lattice[corner + 2]) * b - 0.5 - leftX) / CELL;
        const stepY = (lattice[corner + 3] + (lattice[lower + 3] - lattice[corner + 3]) * b - 0.5 - leftY) / CELL;
        for (let step = 0; step < CELL; step++) {
          const tx = leftX + stepX * (step + 0.5);
          const ty = leftY + stepY * (step + 0.5);
          const column = Math.floor(tx);
          const line = Math.floor(ty);
          if (column < 0 || line < 0 || column >= width - 1 || line >= height - 1) continue;
          const at = (line * width + column) * 4;
          const below = at + width * 4;
          const fx = tx - column;
          const fy = ty - line;
          const w00 = (1 - fx) * (1 - fy);
          const w10 = fx * (1 - fy);
          const w01 = (1 - fx) * fy;
          const w11 = fx * fy;
          const rest =
            1 - (texels[at + 3] * w00 + texels[at + 7] * w10 + texels[below + 3] * w01 + texels[below + 7] * w11);
          if (rest > 0.998) continue;
          const to = (y * size + cellX * CELL + step) * 3;
          for (let k = 0; k < 3; k++) {
            data[to + k] =
              data[to + k] * rest +
              texels[at + k] * w00 +
              texels[at + 4 + k] * w10 +
              texels[below + k] * w01 +
              texels[below + 4 + k] * w11;
          }
        }
      }
    }
  }

  /** Which texel stands at the corners of a grid of cells in the frame: turn, nod, roll and jaw undone. */
  #textureLattice(pose: HeadPose, drop: number): Float64Array {
    const corners = this.size / CELL + 1;
    const lattice = new Float64Array(corners * corners * 2);
    const cos = Math.cos(pose.roll) / pose.scale;
    const sin = Math.sin(pose.roll) / pose.scale;
    for (let j = 0; j < corners; j++) {
      const dy = j * CELL - pose.y;
      for (let i = 0; i < corners; i++) {
        const dx = i * CELL - pose.x;
        const turnedU = cos * dx + sin * dy;
        const turnedV = cos * dy - sin * dx;
        // Depth is known at the sought point only, so two rounds towards it.
        let u = turnedU;
        let v = turnedV;
        for (let round = 0; round < 2; round++) {
          const depth = depthAt(u, v);
          u = turnedU - pose.yaw * depth;
          v = turnedV - pose.pitch * depth;
          if (drop > 0 && v > 0.72) v = undoJaw(u, v, drop);
        }
        lattice[(j * corners + i) * 2] = (u + TEXTURE_LEFT) * TEXELS;
        lattice[(j * corners + i) * 2 + 1] = (v + TEXTURE_TOP) * TEXELS;
      }
    }
    return lattice;
  }

  /** Blur of the lens, white balance, noise, bytes. */
  #develop(index: number): Uint8Array {
    const { size, who } = this;
    const [canvas, grain] = [this.#canvas, this.#grain];
    const { data } = canvas;
    const bytes = new Uint8ClampedArray(data.length);
    const { warmth, blurPx } = who.light;
    const gains = [1 + warmth, 1, 1 - warmth];
    // A cross-shaped blur, weaker than a whole pixel's. Left of a row's first pixel stands the end of the row above:
    // good enough for a wall out of focus.
    const side = 0.2 * blurPx;
    const centre = 1 - 4 * side;
    const row = size * 3;
    const last = data.length - 3;
    let at = new Random(who.seed, 6, index).integer(NOISE_LENGTH);
    for (let y = 0; y < size; y++) {
      const up = y > 0 ? row : 0;
      const down = y < size - 1 ? row : 0;
      for (let j = Math.max(3, y * row); j < Math.min(last, (y + 1) * row); j++) {
        const soft = data[j] * centre + side * (data[j - 3] + data[j + 3] + data[j - up] + data[j + down]);
        bytes[j] = soft * gains[j % 3] + grain[at]; // rounds and clamps
        at = (at + 1) & (NOISE_LENGTH - 1);
      }
    }
    for (let k = 0; k < 3; k++) {
      bytes[k] = data[k];
      bytes[last + k] = data[last + k];
    }
    return new Uint8Array(bytes.buffer);
  }
}

/** Where a point of the dropped jaw came from; Newton's steps on `v + drop * jawShare(u, v) = placed`. */
function undoJaw(u: number, placed: number, drop: number): number {
  let v = placed - drop * jawShare(u, placed);
  for (let step = 0; step < 3; step++) {
    const slope = 1 + (drop * (jawShare(u, v + 0.01) - jawShare(u, v - 0.01))) / 0.02;
    v -= (v + drop * jawShare(u, v) - placed) / slope;
  }
  return v;
}

/** The wall behind: two colours and some soft spots, out of focus. */
function paintBackdrop(who: Person, size: number): Float32Array {
  const canvas = new Canvas(size, size);
  const noise = smoothNoise(who.seed + 1);
  const { top, bottom, blobs } = who.background;
  for (let y = 0; y < size; y++) {
    const share = y / size;
    for (let x = 0; x < size; x++) {
      const uneven = 1 + 0.12 * noise((x / size) * 4, (y / size) * 4);
      for (let k = 0; k < 3; k++)
        canvas.data[(y * size + x) * 3 + k] = (top[k] + (bottom[k] - top[k]) * share) * uneven;
    }
  }
  for (const { x, y, radius, color } of blobs) {
    canvas.fill([ellipse(x * size, y * size, radius * size, radius * size * 0.8)], color, 0.55, 0.05 * size);
  }
  return canvas.data;
}
