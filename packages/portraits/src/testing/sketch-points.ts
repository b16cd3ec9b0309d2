import type { KeyPoints } from '../sketch/key-points';
import { numbers } from './torch-numbers';

/** Key points that `reference/portraits-sketch.py` makes. */
export function sketchPoints(name: string, frameCount: number, count: number): KeyPoints {
  const base = numbers(`sketch face ${count}`, [count, 2], 0, 100);
  const noise = numbers(`sketch ${name}`, [frameCount, count, 2], -4, 4);
  const turn = numbers(`sketch turn ${name}`, [frameCount, 2], 0.75, 1.25);
  const points = noise.map((value, i) => {
    const [frame, point] = [Math.floor(i / count / 2), Math.floor(i / 2) % count];
    const moved = Math.fround(base[i % (2 * count)] + (point === 30 ? Math.fround(value * 0.125) : value));
    return moved * turn[2 * frame + (i % 2)];
  });
  return { points, frameCount };
}
