import type { ImageBox } from '@lipsync/contracts';

/** Share of the face image's shorter side that the ring around the hidden part is wide. */
const RING = 1 / 12;

/**
 * Gives a generated face image the colours of the true one: what the mean of each colour differs by in a ring around the
 * hidden part, which both show, is added to all of its pixels. Where nothing is visible around it, nothing changes.
 *
 * @param generated RGB, 0..1, `[height, width, 3]`; changed in place, not bounded.
 * @param real the same face image of the frame, RGB, 0..255; borrowed.
 * @param image its size, and the part that the generator did not see.
 * @example
 * matchColours(generated, real, { height: 96, width: 96, hidden: { top: 48, left: 0, height: 48, width: 96 } });
 */
export function matchColours(
  generated: Float32Array,
  real: Uint8Array,
  { height, width, hidden }: { height: number; width: number; hidden: ImageBox },
): void {
  const reach = Math.max(1, Math.round(RING * Math.min(height, width)));
  const [bottom, right] = [hidden.top + hidden.height, hidden.left + hidden.width];
  const sums = [0, 0, 0];
  let count = 0;
  for (let row = Math.max(0, hidden.top - reach); row < Math.min(height, bottom + reach); row++) {
    for (let column = Math.max(0, hidden.left - reach); column < Math.min(width, right + reach); column++) {
      const inside = row >= hidden.top && row < bottom && column >= hidden.left && column < right;
      if (inside) continue;
      const at = (row * width + column) * 3;
      for (let colour = 0; colour < 3; colour++) sums[colour] += real[at + colour] / 255 - generated[at + colour];
      count++;
    }
  }
  if (count === 0) return;
  for (let at = 0; at < generated.length; at++) generated[at] += sums[at % 3] / count;
}
