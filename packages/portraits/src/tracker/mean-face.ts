/** Points of the middle line and of the side that is left in the image, by their iBUG index; cm, y up, z to the viewer. */
// biome-ignore format: one row for each part of the face
const HALF: readonly (readonly [index: number, x: number, y: number, z: number])[] = [
  // jaw, from the temple to the chin
  [0, -7.743095, 2.364999, -2.005167], [1, -7.664182, 0.673132, -2.435867], [2, -7.542244, -1.049282, -2.431321],
  [3, -7.270895, -2.890917, -2.252455], [4, -5.940524, -6.223629, -0.631468], [5, -5.085276, -7.17859, 0.714711],
  [6, -4.068926, -7.993109, 1.925119], [7, -2.308977, -8.974196, 3.60907], [8, 0, -9.403378, 4.264492],
  // brow
  [17, -5.720968, 4.254584, 2.830852], [18, -4.985894, 4.802461, 3.751977], [19, -3.986562, 5.109487, 4.466315],
  [20, -2.760292, 5.100971, 5.01599], [21, -1.395634, 5.011963, 5.316032],
  // nose
  [27, 0, 2.473255, 5.788627], [28, 0, 1.728369, 6.31675], [29, 0, 0.365669, 7.24287], [30, 0, -0.46317, 7.58658],
  [31, -1.043625, -1.464973, 5.662455], [32, -0.597442, -2.013686, 5.866456], [33, 0, -2.089024, 6.058267],
  // eye
  [36, -4.445859, 2.663991, 3.173422], [37, -3.670075, 2.927714, 3.724325], [38, -2.724032, 2.96181, 3.871767],
  [39, -1.856432, 2.585245, 3.757904], [40, -2.724032, 2.315802, 3.777151], [41, -3.670075, 2.360153, 3.63523],
  // outer, then inner lips
  [48, -2.456206, -4.342621, 4.283884], [49, -1.431615, -3.500953, 5.496189], [50, -0.711452, -3.329355, 5.877044],
  [51, 0, -3.406404, 5.979507], [57, 0, -5.365123, 5.535441], [58, -0.699606, -5.29185, 5.448304],
  [59, -1.325085, -5.106507, 5.20501], [60, -2.153084, -4.276322, 4.038093], [61, -0.533422, -3.993222, 5.138202],
  [62, 0, -3.994436, 5.219482], [66, 0, -4.5424, 5.404754], [67, -0.583218, -4.517982, 5.339869],
];

/** The point on the other side of the face for each of the 68. */
// biome-ignore format: one row for each part of the face
const MIRROR: readonly number[] = [
  16, 15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0, // jaw
  26, 25, 24, 23, 22, 21, 20, 19, 18, 17, // brows
  27, 28, 29, 30, 35, 34, 33, 32, 31, // nose
  45, 44, 43, 42, 47, 46, 39, 38, 37, 36, 41, 40, // eyes
  54, 53, 52, 51, 50, 49, 48, 59, 58, 57, 56, 55, // outer lips
  64, 63, 62, 61, 60, 67, 66, 65, // inner lips
];

/**
 * A generic face: the 68 points in 3D, `[68, 3]`, in cm; x to the right in the image, y up, z towards the viewer.
 *
 * Source: vertices of MediaPipe's canonical face model (Google, Apache-2.0) that lie where the landmarks are.
 */
export const MEAN_FACE: Float64Array = meanFace();

function meanFace(): Float64Array {
  const face = new Float64Array(3 * 68);
  for (const [index, x, y, z] of HALF) {
    face.set([x, y, z], 3 * index);
    face.set([x === 0 ? 0 : -x, y, z], 3 * MIRROR[index]);
  }
  return face;
}

/**
 * How much each of the 68 points counts in a pose: nose and corners of the eyes, which do not move in the face, fully,
 * lids by half, brows by a quarter, lips and jaw not at all.
 */
export const POSE_WEIGHTS: Float64Array = Float64Array.from({ length: 68 }, (_, i) => {
  if (i < 17 || i >= 48) return 0;
  if (i < 27) return 0.25;
  return i < 36 || [36, 39, 42, 45].includes(i) ? 1 : 0.5;
});
