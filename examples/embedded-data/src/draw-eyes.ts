import { type Canvas, ellipse, smoothClosed, smoothOpen, stroke } from './canvas';
import { browPoints, eyePoints, type FacePoints, type HeadPose, toFrame } from './face-geometry';
import type { Person, Rgb } from './person';

/** Eyeballs, lids and brows over a painted head. */
export function drawEyes(canvas: Canvas, who: Person, pose: HeadPose): void {
  for (const side of [-1, 1] as const) {
    drawEye(canvas, who, pose, side);
    drawBrow(canvas, who, pose, side);
  }
}

function drawEye(canvas: Canvas, who: Person, pose: HeadPose, side: -1 | 1): void {
  const place = (points: FacePoints) => toFrame(points, pose);
  const eye = eyePoints(who, side, pose.blink);
  const outline = place(smoothClosed(eye, 4));
  const lid = smoothOpen(eye.slice(0, 8), 4);
  const dark: Rgb = [who.skin[0] * 0.22, who.skin[1] * 0.16, who.skin[2] * 0.15];
  const open = 1 - pose.blink;
  const inside = canvas.stencil([outline]);
  const white = 205 * (0.55 + 0.5 * who.light.ambient);
  canvas.fill([outline], [white, white * 0.97, white * 0.94]);
  if (open > 0.15) {
    const x = side * 0.5 + 0.075 * pose.gazeX;
    const y = -0.015 + 0.03 * pose.gazeY;
    const radius = 0.093 * who.shape.eyeSize;
    const disc = (dx: number, dy: number, r: number, [red, green, blue]: Rgb, opacity: number) =>
      canvas.fill([place(ellipse(x + dx, y + dy, r, r))], (pixel, share) =>
        canvas.blend(pixel, share * opacity * inside[pixel], red, green, blue),
      );
    const rim: Rgb = [who.iris[0] * 0.4, who.iris[1] * 0.4, who.iris[2] * 0.4];
    disc(0, 0, radius * 1.06, rim, 1);
    disc(0, 0.01, radius * 0.8, who.iris, 0.8);
    disc(0, 0, radius * 0.45, [10, 8, 8], 1);
    disc(0.04 * Math.sign(who.light.direction[0]), -0.035, radius * 0.3, [250, 250, 250], 0.9); // the light in the eye
    canvas.shade([place(stroke(lid, () => 0.05))], 0.6, 0.8); // the upper lid's shadow on the eyeball
  }
  canvas.fill([place(stroke(lid, (share) => 0.018 + 0.026 * Math.sin(share * Math.PI)))], dark, 0.95, 0.3);
  const crease = lid.map((value, i) => (i % 2 ? value - 0.05 - 0.02 * open : value));
  canvas.fill([place(stroke(crease, (share) => 0.022 * Math.sin(share * Math.PI)))], dark, 0.45, 0.4);
  const under = smoothOpen([...eye.slice(6), ...eye.slice(0, 2)], 3);
  canvas.fill([place(stroke(under, () => 0.012))], dark, 0.4, 0.4);
}

function drawBrow(canvas: Canvas, who: Person, pose: HeadPose, side: -1 | 1): void {
  // The known points run along the upper edge.
  const middle = smoothOpen(browPoints(who, side, pose.browRaise), 4).map((value, i) => (i % 2 ? value + 0.06 : value));
  const thick = 0.085 * who.shape.browThickness;
  const taper = (share: number) => {
    const outward = side < 0 ? 1 - share : share;
    return thick * (outward < 0.15 ? 0.6 + outward * 2.6 : 1 - 0.75 * ((outward - 0.15) / 0.85) ** 1.5);
  };
  const [red, green, blue] = who.hair.map((value, k) => Math.min(value, who.skin[k] * 0.55) * 0.85);
  const soft = Math.max(0.5, pose.scale * 0.012);
  canvas.fill([toFrame(stroke(middle, taper), pose)], [red, green, blue], 0.88, soft);
}

/** Glasses, for people who wear some. */
export function drawGlasses(canvas: Canvas, who: Person, pose: HeadPose): void {
  if (who.glasses === 'none') return;
  const place = (points: FacePoints) => toFrame(points, pose);
  const frame: Rgb = who.seed % 2 ? [28, 24, 24] : [92, 66, 44];
  for (const side of [-1, 1]) {
    const x = side * 0.5;
    canvas.fill([place(rim(who.glasses, x, 0))], [235, 240, 245], 0.05);
    canvas.fill([place(rim(who.glasses, x, 0)), place(rim(who.glasses, x, -0.035))], frame, 0.92, 0.3);
    const temple = [side * 0.86, -0.04, side * 1.18 * who.shape.faceWidth, -0.05];
    canvas.fill([place(stroke(temple, () => 0.045))], frame, 0.85, 0.3);
  }
  canvas.fill([place(stroke(smoothOpen([-0.15, 0.0, 0, -0.04, 0.15, 0.0], 4), () => 0.04))], frame, 0.9, 0.3);
}

function rim(kind: 'round' | 'square', x: number, grow: number): FacePoints {
  const rx = 0.36 + grow;
  if (kind === 'round') return ellipse(x, 0.05, rx, 0.3 + grow, 28);
  const [top, bottom] = [0.05 - 0.25 - grow, 0.05 + 0.25 + grow];
  return smoothClosed(
    [x - rx, top, x, top - 0.02, x + rx, top, x + rx * 0.9, bottom, x, bottom + 0.02, x - rx * 0.9, bottom],
    4,
  );
}
