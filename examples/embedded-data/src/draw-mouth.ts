import { mouthOpening } from './articulation';
import { type Canvas, ellipse, smoothClosed, smoothOpen, stroke } from './canvas';
import { type FacePoints, type FaceState, lipPoints, toFrame } from './face-geometry';
import type { Person, Rgb } from './person';

/** Lips, and teeth, tongue and the dark between them, over a painted head. */
export function drawMouth(canvas: Canvas, who: Person, { mouth, pose }: FaceState): void {
  const place = (points: FacePoints) => toFrame(points, pose);
  const { outer, inner } = lipPoints(who, mouth);
  const light = 0.55 + 0.5 * who.light.ambient;
  const lips: Rgb = [who.lips[0] * light, who.lips[1] * light, who.lips[2] * light];
  const crease: Rgb = [lips[0] * 0.32, lips[1] * 0.22, lips[2] * 0.22];
  const top = inner[2 * 2 + 1]; // point 62
  const bottom = inner[6 * 2 + 1]; // point 66
  const lowest = outer[9 * 2 + 1]; // point 57

  canvas.fill([place(smoothClosed(outer, 4))], lips, 0.94, 0.5);
  // The upper lip faces down and is darker; the lower one faces up and has a gloss.
  const upper = [...smoothOpen(outer.slice(0, 14), 4), ...reverse(smoothOpen(inner.slice(0, 10), 3))];
  canvas.shade([place(upper)], 0.76, 0.7);
  const gloss = ellipse(0.04 * Math.sign(who.light.direction[0]), bottom + (lowest - bottom) * 0.45, 0.15, 0.03);
  canvas.fill([place(gloss)], [255, 235, 230], 0.24, 1.1);

  if (mouthOpening(mouth) > 0.015) {
    const hole = place(smoothClosed(inner, 4));
    const inside = canvas.stencil([hole]);
    const within = (points: FacePoints, [red, green, blue]: Rgb, opacity: number, softPx: number) =>
      canvas.fill(
        [place(points)],
        (pixel, share) =>
          canvas.blend(pixel, share * opacity * inside[pixel], red * light, green * light, blue * light),
        1,
        softPx,
      );
    const half = -inner[0];
    canvas.fill([hole], [46, 18, 18], 0.97, 0.3);
    const tongue = ellipse(0, bottom + 0.02, half * 0.62, Math.min(0.16, 0.5 * (bottom - top)));
    within(tongue, [148, 66, 68], 0.85, 1.2);
    const bite = Math.min(0.115, 0.035 + 0.6 * (bottom - top));
    const show = Math.min(1, 0.55 + 0.45 * Math.max(0, mouth.width) + 0.4 * mouth.tuck);
    const teeth = [
      -half * 0.78,
      top - 0.04,
      0,
      top - 0.06,
      half * 0.78,
      top - 0.04,
      half * 0.7,
      top + bite * 0.75,
      half * 0.3,
      top + bite,
      0,
      top + bite,
      -half * 0.3,
      top + bite,
      -half * 0.7,
      top + bite * 0.75,
    ];
    within(smoothClosed(teeth, 2), [222, 214, 200], show * 0.92, 0.5);
  }
  // The line where the lips meet, strongest when they are shut, and the corners.
  const meet = stroke(smoothOpen(inner.slice(0, 10), 3), (share) => 0.012 + 0.026 * Math.sin(share * Math.PI));
  const shut = 1 - Math.min(1, (bottom - top) / 0.12);
  canvas.fill([place(meet)], crease, 0.45 + 0.5 * shut, 0.4);
  for (const corner of [0, 12]) {
    canvas.fill([place(ellipse(outer[corner] * 0.98, outer[corner + 1], 0.035, 0.025, 10))], crease, 0.6, 0.6);
  }
}

function reverse(points: number[]): number[] {
  const turned: number[] = [];
  for (let i = points.length - 2; i >= 0; i -= 2) turned.push(points[i], points[i + 1]);
  return turned;
}
