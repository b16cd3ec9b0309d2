import type { FrameRegion } from '@lipsync/contracts';
import { fail } from '@lipsync/contracts';

/** Refuses a region that is not whole pixels within the frame. */
export function assertRegion(
  { left, top, width, height }: FrameRegion,
  frame: { width: number; height: number },
): void {
  const whole =
    [left, top, width, height].every((side) => Number.isInteger(side) && side >= 0) && width > 0 && height > 0;
  if (whole && left + width <= frame.width && top + height <= frame.height) return;
  const rule = `whole pixels within the frame of ${frame.width} x ${frame.height}`;
  fail(RangeError, 'view', 'options.region', rule, `${width} x ${height} at ${left}, ${top}`);
}
