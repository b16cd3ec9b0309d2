/** A place in an image, pixels: `[column, row]`, whole numbers at pixel centres. */
export type Point = readonly [x: number, y: number];

/** Twice the signed area of a triangle: positive where `c` lies to the left of the way from `a` to `b` (y upwards). */
const turn = (a: Point, b: Point, c: Point) => (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0]);

/**
 * The corners of the convex hull of points, in order, without points on its edges (Andrew's monotone chain).
 *
 * @returns three or more corners; fewer where all points lie on a line.
 * @example
 * convexHull([[0, 0], [2, 0], [1, 1], [2, 2], [0, 2]]); // [[0, 0], [2, 0], [2, 2], [0, 2]]
 */
export function convexHull(points: readonly Point[]): Point[] {
  const sorted = [...points].sort((a, b) => a[0] - b[0] || a[1] - b[1]);
  const chain = (ordered: readonly Point[]): Point[] => {
    const corners: Point[] = [];
    for (const point of ordered) {
      while (corners.length > 1 && turn(corners[corners.length - 2], corners[corners.length - 1], point) <= 0)
        corners.pop();
      corners.push(point);
    }
    return corners.slice(0, -1);
  };
  return [...chain(sorted), ...chain(sorted.reverse())];
}
