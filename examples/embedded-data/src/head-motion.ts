import { Random } from '@lipsync/nn';
import type { HeadPose } from './face-geometry';
import type { Person } from './person';

/** A slow, smooth, seeded wandering between about -1 and 1. */
function wander(random: Random, lowHz: number, highHz: number): (timeSec: number) => number {
  const parts = Array.from({ length: 3 }, () => ({
    omega: 2 * Math.PI * random.uniform(lowHz, highHz),
    phase: random.uniform(0, 2 * Math.PI),
    size: random.uniform(0.2, 0.5),
  }));
  return (timeSec) => parts.reduce((sum, { omega, phase, size }) => sum + size * Math.sin(omega * timeSec + phase), 0);
}

/**
 * Head movement, blinks and gaze of a person during one clip; independent of the speech.
 *
 * @param size side of the frame in pixels. Default 256.
 * @returns the pose at a time in seconds.
 */
export function headMotion(who: Person, seed: number, size = 256): (timeSec: number) => HeadPose {
  const random = new Random(seed, 3);
  const { pose } = who;
  const much = pose.restlessness;
  const unit = size / 256;
  const [x, y, roll, scale, yaw, pitch] = Array.from({ length: 6 }, () => wander(random, 0.1, 0.45));
  const [gazeX, gazeY, brow] = Array.from({ length: 3 }, () => wander(random, 0.2, 0.7));
  const start = { x: random.uniform(-6, 6), y: random.uniform(-4, 4), scale: random.uniform(0.95, 1.05) };
  const blinks: number[] = [];
  for (let at = random.uniform(0.3, 3); at < 600; at += random.uniform(1.6, 5)) blinks.push(at);

  return (timeSec) => ({
    x: unit * (pose.centreX + start.x + 4 * much * x(timeSec)),
    y: unit * (pose.centreY + start.y + 3 * much * y(timeSec)),
    scale: unit * pose.eyeDistancePx * start.scale * (1 + 0.015 * much * scale(timeSec)),
    roll: pose.roll + 0.04 * much * roll(timeSec),
    yaw: pose.yaw + 0.08 * much * yaw(timeSec),
    pitch: 0.05 * much * pitch(timeSec),
    blink: blinks.reduce((most, at) => Math.max(most, blinkShape(timeSec - at)), 0),
    gazeX: 0.35 * gazeX(timeSec),
    gazeY: 0.2 * gazeY(timeSec),
    browRaise: 0.02 * brow(timeSec),
  });
}

/** Shut within 80 ms, open again within 140 ms. */
function blinkShape(sinceSec: number): number {
  if (sinceSec < 0 || sinceSec > 0.22) return 0;
  return sinceSec < 0.08
    ? Math.sin((sinceSec / 0.08) * (Math.PI / 2))
    : Math.cos(((sinceSec - 0.08) / 0.14) * (Math.PI / 2));
}
