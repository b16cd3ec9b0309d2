import { Random } from '@lipsync/nn';

/**
 * A seeded smooth field: random numbers on a lattice, eased in between.
 *
 * @returns a function of a point, about -1..1, one lattice cell a unit.
 */
export function smoothNoise(seed: number): (x: number, y: number) => number {
  const random = new Random(seed, 4);
  const side = 64;
  const lattice = Float32Array.from({ length: side * side }, () => random.uniform(-1, 1));
  return (x, y) => {
    const left = Math.floor(x);
    const top = Math.floor(y);
    const ease = (t: number) => t * t * (3 - 2 * t);
    const a = ease(x - left);
    const b = ease(y - top);
    const at = (i: number, j: number) =>
      lattice[((((top + j) % side) + side) % side) * side + ((((left + i) % side) + side) % side)];
    const upper = at(0, 0) + (at(1, 0) - at(0, 0)) * a;
    const lower = at(0, 1) + (at(1, 1) - at(0, 1)) * a;
    return upper + (lower - upper) * b;
  };
}
