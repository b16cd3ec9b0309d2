import { type MouthState, mouthOpening } from './articulation';
import type { Person } from './person';

/** Where the head is and what the eyes do at one moment. */
export type HeadPose = {
  /** Point between the eyes, in pixels of the frame. */
  x: number;
  y: number;
  /** Pixels in one eye distance. */
  scale: number;
  /** Clockwise turn in the frame plane, radians. */
  roll: number;
  /** Turn to the side and nod, as shift of the nose against the ears in eye distances. */
  yaw: number;
  pitch: number;
  /** 0 open .. 1 shut. */
  blink: number;
  /** -1 .. 1. */
  gazeX: number;
  gazeY: number;
  /** Eye distances upwards. */
  browRaise: number;
};

/** Everything that moves in a frame. */
export type FaceState = { mouth: MouthState; pose: HeadPose };

/** Points x0, y0, x1, y1 … in eye distances from the point between the eyes, y down, before the head is turned. */
export type FacePoints = number[];

/** 0 below `low`, 1 above `high`, smooth between; with `low > high` the other way round. */
export const smoothstep = (low: number, high: number, x: number) => {
  const t = Math.min(1, Math.max(0, (x - low) / (high - low)));
  return t * t * (3 - 2 * t);
};

/** The jaw line from ear to chin of the average face, right half; with proportions of its own. */
const JAW: readonly (readonly [number, number])[] = [
  [1.15, -0.03],
  [1.145, 0.28],
  [1.115, 0.58],
  [1.06, 0.86],
  [0.96, 1.13],
  [0.81, 1.39],
  [0.6, 1.61],
  [0.33, 1.79],
  [0, 1.86],
];

/** Height of the closed mouth's line for a person. */
export const mouthLine = (who: Person): number => 1.1 * who.shape.mouthHeight;

/** How far chin and lower lip go down. */
export function jawDrop(who: Person, mouth: MouthState): number {
  return 0.4 * who.speaking.opening * mouthOpening(mouth) * 0.82;
}

/** Share of the jaw's drop by which a point of the skin moves: 0 above the mouth and beside the cheeks, 1 at the chin. */
export function jawShare(u: number, v: number): number {
  return smoothstep(0.72, 1.4, v) * (1 - smoothstep(1.0, 1.4, Math.abs(u)));
}

/** How much a point moves sideways when the head turns: the nose most, the ears not at all. */
export function depthAt(u: number, v: number): number {
  const dome = Math.max(0, 1 - (u * u) / 1.7 - ((v - 0.4) * (v - 0.4)) / 5);
  const nose = 0.35 * Math.exp(-(u * u) / 0.05 - ((v - 0.62) * (v - 0.62)) / 0.09);
  return dome + nose;
}

/** The lips: outer line (points 48-59) and inner line (60-67), with the jaw already dropped. */
export function lipPoints(who: Person, mouth: MouthState): { outer: FacePoints; inner: FacePoints } {
  const { shape, speaking } = who;
  const opening = mouthOpening(mouth);
  const gap = 0.4 * speaking.opening * opening;
  const width = mouth.width * speaking.shaping;
  const spread = Math.max(0, width);
  const round = Math.max(0, -width);
  const half = 0.45 * shape.mouthWidth * (1 + 0.15 * spread - 0.36 * round - 0.08 * opening - 0.03 * mouth.closure);
  const press = 1 - 0.45 * mouth.closure;
  const upper = 0.125 * shape.upperLip * press * (1 + 0.25 * round - 0.15 * spread);
  const lower = 0.165 * shape.lowerLip * press * (1 + 0.25 * round - 0.15 * spread) * (1 - 0.55 * mouth.tuck);
  const line = mouthLine(who);
  const top = line - 0.18 * gap - 0.03 * mouth.tuck;
  const bottom = line + 0.82 * gap - 0.03 * mouth.tuck;
  const corner = line - 0.015 + 0.32 * gap - 0.02 * spread;
  const skew = speaking.skew;
  const at = (x: number, y: number) => [x * half, y + skew * x];
  const inner = 0.9 + 0.04 * round;
  return {
    outer: [
      ...at(-1, corner),
      ...at(-0.62, top - upper * 0.68),
      ...at(-0.22, top - upper * 1.02),
      ...at(0, top - upper * 0.9),
      ...at(0.22, top - upper * 1.02),
      ...at(0.62, top - upper * 0.68),
      ...at(1, corner),
      ...at(0.62, bottom + lower * 0.62),
      ...at(0.28, bottom + lower * 0.98),
      ...at(0, bottom + lower * 1.04),
      ...at(-0.28, bottom + lower * 0.98),
      ...at(-0.62, bottom + lower * 0.62),
    ],
    inner: [
      ...at(-inner, corner),
      ...at(-0.42, top + 0.12 * gap),
      ...at(0, top),
      ...at(0.42, top + 0.12 * gap),
      ...at(inner, corner),
      ...at(0.42, bottom - 0.12 * gap),
      ...at(0, bottom),
      ...at(-0.42, bottom - 0.12 * gap),
    ],
  };
}

/** An eye's outline (six points from the frame's left, over the upper lid, back along the lower lid). */
export function eyePoints(who: Person, side: -1 | 1, blink: number): FacePoints {
  const { eyeSize, eyeTilt } = who.shape;
  const half = 0.2 * eyeSize;
  const tilt = -side * eyeTilt;
  const lower = 0.065 * eyeSize;
  const upper = -0.085 * eyeSize * (1 - blink) + lower * 0.75 * blink;
  const low = lower * (1 - 0.25 * blink);
  const at = (x: number, y: number) => [side * 0.5 + x * half, y + tilt * x];
  return [
    ...at(-1, 0.01),
    ...at(-0.42, upper),
    ...at(0.42, upper),
    ...at(1, 0.01),
    ...at(0.42, low),
    ...at(-0.42, low),
  ];
}

/** A brow's upper edge, five points from the frame's left. */
export function browPoints(who: Person, side: -1 | 1, raise: number): FacePoints {
  const height = (y: number) => y * who.shape.browHeight - raise;
  const points = [
    [0.24, height(-0.33)],
    [0.41, height(-0.385)],
    [0.59, height(-0.4)],
    [0.77, height(-0.36)],
    [0.91, height(-0.26)],
  ];
  if (side < 0) points.reverse();
  return points.flatMap(([u, v]) => [side * u, v]);
}

/** The jaw line, 17 points from the frame's left ear over the chin, jaw closed. */
export function jawPoints(who: Person): FacePoints {
  const { faceWidth, jawWidth, chinLength } = who.shape;
  const half = JAW.map(([u, v]) => {
    const low = smoothstep(0.4, 1.2, v);
    return [u * faceWidth * (1 + (jawWidth - 1) * low), v < 1 ? v : 1 + (v - 1) * chinLength] as const;
  });
  const left = half.map(([u, v]) => [-u, v]);
  return [...left, ...half.slice(0, -1).reverse()].flat();
}

/** Nose bridge (27-30) and base (31-35). */
function nosePoints(who: Person): FacePoints {
  const { noseWidth, noseLength } = who.shape;
  const tip = 0.6 * noseLength;
  const base = 0.74 * noseLength;
  return [
    0,
    0,
    0,
    tip / 3,
    0,
    (2 * tip) / 3,
    0,
    tip,
    -0.22 * noseWidth,
    base - 0.03,
    -0.11 * noseWidth,
    base + 0.01,
    0,
    base + 0.04,
    0.11 * noseWidth,
    base + 0.01,
    0.22 * noseWidth,
    base - 0.03,
  ];
}

/** Moves a point of the closed face with the jaw. */
export function dropWithJaw(points: FacePoints, drop: number): FacePoints {
  const moved = points.slice();
  for (let i = 0; i < points.length; i += 2) moved[i + 1] += drop * jawShare(points[i], points[i + 1]);
  return moved;
}

/** From the face's own coordinates to pixels: turn, nod, roll, scale and shift. */
export function toFrame(points: FacePoints, pose: HeadPose): number[] {
  const cos = Math.cos(pose.roll) * pose.scale;
  const sin = Math.sin(pose.roll) * pose.scale;
  const placed: number[] = [];
  for (let i = 0; i < points.length; i += 2) {
    const depth = depthAt(points[i], points[i + 1]);
    const u = points[i] + pose.yaw * depth;
    const v = points[i + 1] + pose.pitch * depth;
    placed.push(pose.x + cos * u - sin * v, pose.y + sin * u + cos * v);
  }
  return placed;
}

/**
 * The 68 iBUG points that the drawing is made from: known, not detected.
 *
 * @returns float32 `[68 * 2]`, x0, y0, x1, y1 … in pixels, pixel centres at +0.5.
 * @example
 * const points = landmarks(someone, { mouth: track.at(1), pose });
 */
export function landmarks(who: Person, state: FaceState): Float32Array {
  const { mouth, pose } = state;
  const lips = lipPoints(who, mouth);
  return Float32Array.from(
    toFrame(
      [
        ...dropWithJaw(jawPoints(who), jawDrop(who, mouth)),
        ...browPoints(who, -1, pose.browRaise),
        ...browPoints(who, 1, pose.browRaise),
        ...nosePoints(who),
        ...eyePoints(who, -1, pose.blink),
        ...eyePoints(who, 1, pose.blink),
        ...lips.outer,
        ...lips.inner,
      ],
      pose,
    ),
  );
}
