import { fail, type Landmarks68 } from '@lipsync/contracts';

/**
 * The point of MediaPipe's face mesh for each of the 68 landmarks. Jaw points differ most: the mesh ends where the face
 * turns away, the landmarks follow its outline.
 *
 * Source: the mapping that LatentSync 1.5 uses.
 */
// biome-ignore format: one row for each part of the face
const MESH_POINTS: readonly number[] = [
  162, 234, 93, 58, 172, 136, 149, 148, 152, 377, 378, 365, 397, 288, 323, 454, 389, // jaw
  71, 63, 105, 66, 107, 336, 296, 334, 293, 301, // brows
  168, 197, 5, 4, 75, 97, 2, 326, 305, // nose
  33, 160, 158, 133, 153, 144, 362, 385, 387, 263, 373, 380, // eyes
  61, 39, 37, 0, 267, 269, 291, 405, 314, 17, 84, 181, // outer lips
  78, 82, 13, 312, 308, 317, 14, 87, // inner lips
];

/**
 * The 68 iBUG landmarks of a face from MediaPipe's face mesh.
 *
 * Source: the point mapping of LatentSync 1.5; jaw points are approximate.
 *
 * @param mesh `[468 or 478, 3]` as MediaPipe gives it (x and y as shares of the frame, 0..1; z is not used), or
 * `[…, 2]` without z.
 * @param image size of the frame in pixels.
 * @returns pixels, pixel centres at +0.5; a new array.
 * @throws TypeError for another number of points; RangeError if one is not finite.
 * @example
 * import { landmarksFromMediapipe } from '@lipsync/face-crop';
 * const points = landmarksFromMediapipe(mesh, { width: 1280, height: 720 }); // [68, 2], pixels
 */
export function landmarksFromMediapipe(mesh: ArrayLike<number>, image: { width: number; height: number }): Landmarks68 {
  const where = 'landmarksFromMediapipe';
  const stride = [3, 2].find((size) => mesh.length === 468 * size || mesh.length === 478 * size);
  if (stride === undefined)
    fail(TypeError, where, 'mesh', '468 or 478 points of 2 or 3 values', `${mesh.length} values`);
  for (const [name, size] of Object.entries({ width: image.width, height: image.height })) {
    if (!(size > 0)) fail(RangeError, where, `image.${name}`, 'above 0', size);
  }
  const points = Float32Array.from({ length: 136 }, (_, i) => {
    const share = mesh[MESH_POINTS[i >> 1] * stride + (i % 2)];
    return share * (i % 2 === 0 ? image.width : image.height);
  });
  const bad = points.findIndex((value) => !Number.isFinite(value));
  if (bad >= 0) fail(RangeError, where, `mesh point ${MESH_POINTS[bad >> 1]}`, 'finite', points[bad]);
  return points;
}
