import { Canvas, smoothClosed } from './canvas';
import { jawPoints, mouthLine, smoothstep } from './face-geometry';
import type { Person } from './person';
import { smoothNoise } from './smooth-noise';

/** The head without eyes, brows and mouth, looking straight, jaw closed: painted once a person, warped every frame. */
export type HeadTexture = {
  width: number;
  height: number;
  /** RGB 0..255, times the cover, and the cover 0..1 a texel: interpolates without dark edges. */
  data: Float32Array;
};

/** Texels in an eye distance. */
export const TEXELS = 64;
/** How far the texture reaches to the left of the point between the eyes and above it, in eye distances. */
export const TEXTURE_LEFT = 2.0;
export const TEXTURE_TOP = 2.1;
const WIDTH = Math.round(2 * TEXTURE_LEFT * TEXELS);
const HEIGHT = Math.round((TEXTURE_TOP + 2.7) * TEXELS);

const bump = (u: number, v: number, cu: number, cv: number, su: number, sv: number) =>
  Math.exp(-0.5 * (((u - cu) / su) ** 2 + ((v - cv) / sv) ** 2));

/** Distance of the skin towards the camera in eye distances: what the light falls on. */
function height(who: Person, u: number, v: number): number {
  const { noseWidth, noseLength, faceWidth } = who.shape;
  const a = Math.abs(u) / faceWidth;
  const round = Math.max(0, 1 - (a / 1.28) ** 2 - ((v - 0.3) / 2.1) ** 2);
  let z = 1.05 * round ** 0.6;
  const down = v / noseLength;
  if (down > -0.3 && down < 1.1) {
    const along = Math.min(1, Math.max(0, (down + 0.15) / 0.8));
    const width = (0.085 + 0.06 * along) * noseWidth;
    const end = down > 0.66 ? Math.exp(-(((down - 0.66) / 0.075) ** 2)) : 1;
    z += (0.03 + 0.3 * along ** 1.3) * Math.exp(-0.5 * (u / width) ** 2) * end;
    z += 0.15 * bump(a, down, 0.17 * noseWidth, 0.67, 0.07, 0.07);
  }
  z -= 0.15 * bump(a, v, 0.42, -0.04, 0.24, 0.13);
  z += 0.08 * bump(a, v, 0.5, 0.0, 0.16, 0.1);
  z += 0.07 * bump(a, v, 0.45, -0.3, 0.34, 0.09);
  z += 0.09 * bump(a, v, 0.72, 0.5, 0.24, 0.24);
  z += 0.12 * bump(a, v, 0, 1.08, 0.36, 0.28);
  z -= 0.05 * bump(a, v, 0, 1.4, 0.26, 0.07);
  z += 0.1 * bump(a, v, 0, 1.68, 0.22, 0.15);
  z -= 0.02 * bump(a, v, 0, 0.9, 0.05, 0.08);
  // The fold from the nose's wing to beside the mouth, deeper with age.
  const fold = (a - (0.3 + 0.55 * (v - 0.72))) / 0.05;
  if (v > 0.65 && v < 1.25) {
    z -= (0.012 + 0.03 * who.age) * Math.exp(-0.5 * fold * fold) * Math.sin(((v - 0.65) / 0.6) * Math.PI);
  }
  return z;
}

const px = (points: number[]): number[] =>
  points.map((value, i) => (value + (i % 2 ? TEXTURE_TOP : TEXTURE_LEFT)) * TEXELS);

/** The closed outline of face and skull. */
function headOutline(who: Person): number[] {
  const jaw = jawPoints(who);
  const skull = [
    1.14, -0.3, 1.08, -0.75, 0.86, -1.2, 0.45, -1.46, 0, -1.54, -0.45, -1.46, -0.86, -1.2, -1.08, -0.75, -1.14, -0.3,
  ].map((value, i) => (i % 2 ? value : value * who.shape.faceWidth));
  return smoothClosed([...jaw, ...skull], 5);
}

function earOutlines(who: Person): number[][] {
  const right = [1.1, -0.05, 1.24, -0.12, 1.31, 0.05, 1.28, 0.35, 1.18, 0.56, 1.08, 0.5];
  return [-1, 1].map((side) =>
    smoothClosed(right.map((value, i) => (i % 2 ? value : side * value * who.shape.faceWidth))),
  );
}

/** Hair behind the face and hair in front of the forehead, each a list of outlines. */
function hairOutlines(who: Person): { back: number[][]; front: number[][] } {
  const w = who.shape.faceWidth;
  const h = who.hairLine;
  const mirror = (right: number[]): number[] => {
    const left: number[] = [];
    for (let i = right.length - 2; i >= 0; i -= 2) left.push(-right[i], right[i + 1]);
    return [...right, ...left];
  };
  const cap = [0, -1.78, 0.5 * w, -1.7, 0.95 * w, -1.42, 1.2 * w, -0.95, 1.25 * w, -0.4];
  const whole = (right: number[]) => [smoothClosed(mirror(right), 5)];
  const ring = (inner: number[], outer: number[]) => whole([...outer, ...inner]);
  // Inner edges run from the temple up and along the hair line to the middle of the forehead.
  const parted = [1.1 * w, -0.1, 1.02 * w, -0.5, 0.82 * w, -h * 0.92, 0.4 * w, -h * 1.02, 0, -h * 1.06];
  const fringe = [1.08 * w, -0.1, 1.0 * w, -0.4, 0.8 * w, -0.55, 0.4 * w, -0.55, 0, -0.52];
  switch (who.hairStyle) {
    case 'bald':
      return { back: [], front: [] };
    case 'short':
      return { back: [], front: ring(parted, [...cap, 1.2 * w, 0.0, 1.13 * w, 0.12]) };
    case 'fringe':
      return { back: [], front: ring(fringe, [...cap, 1.24 * w, 0.1, 1.14 * w, 0.3]) };
    case 'bob':
      return {
        back: whole([...cap, 1.42 * w, 0.3, 1.45 * w, 1.0, 1.28 * w, 1.5, 0.86 * w, 1.55, 0.7 * w, 1.2, 0, 0.9]),
        front: ring([1.12 * w, 1.1, 1.1 * w, 0.5, ...parted], [...cap, 1.42 * w, 0.3, 1.42 * w, 1.0, 1.25 * w, 1.4]),
      };
    case 'long':
      return {
        back: whole([
          ...cap,
          1.4 * w,
          0.3,
          1.5 * w,
          1.2,
          1.62 * w,
          2.2,
          1.25 * w,
          2.6,
          0.86 * w,
          2.45,
          0.7 * w,
          1.6,
          0,
          0.9,
        ]),
        front: ring(
          [1.12 * w, 1.4, 1.1 * w, 0.5, ...parted],
          [...cap, 1.4 * w, 0.3, 1.48 * w, 1.2, 1.56 * w, 2.2, 1.25 * w, 2.5],
        ),
      };
  }
}

/**
 * Paints a person's head, each texel from four layers, back to front: hair behind, ears, face, hair in front.
 * Some tens of milliseconds.
 */
export function headTexture(who: Person): HeadTexture {
  const canvas = new Canvas(WIDTH, HEIGHT);
  const noise = smoothNoise(who.seed);
  const hair = hairOutlines(who);
  const face = canvas.coverage([px(headOutline(who))]);
  const ear = canvas.coverage(earOutlines(who).map(px));
  const back = canvas.coverage(hair.back.map(px));
  const front = canvas.coverage(hair.front.map(px), 1.5);
  const hairShadow = canvas.coverage(
    hair.front.map((line) => px(line.map((value, i) => value + (i % 2) * 0.06))),
    4,
  );
  const relief = Float32Array.from({ length: WIDTH * HEIGHT }, (_, texel) =>
    height(who, ...place(texel % WIDTH, Math.floor(texel / WIDTH))),
  );
  const length = Math.hypot(...who.light.direction);
  const light = who.light.direction.map((value) => value / length);
  const data = new Float32Array(WIDTH * HEIGHT * 4);
  const over = (at: number, [red, green, blue]: readonly number[], cover: number) => {
    const color = [red, green, blue, 1];
    for (let k = 0; k < 4; k++) data[at + k] += (color[k] - data[at + k]) * cover;
  };

  for (let y = 1; y < HEIGHT - 1; y++) {
    for (let x = 1; x < WIDTH - 1; x++) {
      const texel = y * WIDTH + x;
      const [u, v] = place(x, y);
      // The hair's edges wander, as strands do.
      const besideX = x + Math.round(2 * noise(x / 7, y / 9));
      const besideY = y + Math.round(4 * noise(x / 4.5, y / 60) + 2 * noise(x / 2, 7));
      const strand = within(besideX, WIDTH) + WIDTH * within(besideY, HEIGHT);
      if (face[texel] + ear[texel] + back[strand] + front[strand] <= 0) continue;

      const nx = ((relief[texel - 1] - relief[texel + 1]) * TEXELS) / 2;
      const ny = ((relief[texel - WIDTH] - relief[texel + WIDTH]) * TEXELS) / 2;
      const facing = Math.max(0, (nx * light[0] + ny * light[1] + light[2]) / Math.hypot(nx, ny, 1));
      const at = texel * 4;
      if (back[strand] > 0) over(at, hairColor(who, light, noise, u, v, 0.6), back[strand]);
      if (ear[texel] > 0) over(at, earColor(who, facing, noise, u, v), ear[texel]);
      if (face[texel] > 0) {
        const shadow = 1 - 0.28 * hairShadow[texel];
        over(
          at,
          skinColor(who, facing, light[0], noise, u, v).map((value) => value * shadow),
          face[texel],
        );
      }
      if (front[strand] > 0) over(at, hairColor(who, light, noise, u, v, 1), front[strand]);
    }
  }
  return { width: WIDTH, height: HEIGHT, data };
}

/** Light on skin, with the places that light reaches from few sides, red cheeks and a beard. */
function skinColor(
  who: Person,
  facing: number,
  lightX: number,
  noise: (x: number, y: number) => number,
  u: number,
  v: number,
): number[] {
  const { ambient } = who.light;
  const { noseWidth, noseLength } = who.shape;
  const line = mouthLine(who);
  const a = Math.abs(u);
  let shade = ambient * 0.92 + (1.08 - ambient) * facing;
  shade *= 1 - 0.28 * bump(a, v, 0.33, -0.06, 0.13, 0.1); // inner corner of the eye
  shade *= 1 - 0.16 * bump(a, v, 0.5, -0.1, 0.22, 0.06); // under the brow
  shade *= 1 - (0.08 + 0.1 * who.age) * bump(a, v, 0.48, 0.16, 0.16, 0.05); // bag under the eye
  shade *= 1 - 0.3 * bump(a, v, 0.08, 0.8 * noseLength, 0.14, 0.05); // under the nose
  shade *= 1 - 0.55 * bump(a, v, 0.105 * noseWidth, 0.735 * noseLength, 0.042, 0.022); // nostril
  shade *= 1 - 0.2 * bump(a, v, 0.235 * noseWidth, 0.69, 0.025, 0.06); // wing of the nose
  shade *= 1 - 0.2 * bump(a, v, 0, line + 0.27, 0.22, 0.05); // under the lower lip
  shade *= 1 - 0.1 * bump(a, v, 0.49, line + 0.02, 0.05, 0.06); // corner of the mouth
  const gloss = facing ** 18 * 18 + 16 * bump(u, v, 0.03 * Math.sign(lightX), 0.58 * noseLength, 0.05, 0.05);
  const mottle = 1 + 0.025 * noise(u * 9, v * 9) + 0.02 * noise(u * 23, v * 23);
  const rose = 0.06 * bump(a, v, 0.65, 0.55, 0.25, 0.2) + 0.05 * bump(a, v, 0, 0.62, 0.12, 0.1);
  // Shadows on skin are warmer than the light.
  const bare = [
    who.skin[0] * shade ** 0.9 * mottle * (1 + rose * 0.5) + gloss,
    who.skin[1] * shade * mottle * (1 - rose) + gloss,
    who.skin[2] * shade ** 1.08 * mottle * (1 - rose) + gloss,
  ];

  let beard = who.beard ? 0 : who.voice.pitchHz < 150 ? 0.1 * smoothstep(0.9, 1.2, v) * smoothstep(1.2, 0.9, a) : 0;
  if (who.beard > 0) {
    const cheek = 0.72 + 0.5 * Math.max(0, 0.95 - a);
    const lips = smoothstep(0.08, 0.25, Math.hypot(u / 1.9, v - line - 0.02));
    beard =
      v < line && a < 0.5
        ? who.moustache * smoothstep(0.82, 0.9, v) * smoothstep(0.52, 0.4, a)
        : who.beard * smoothstep(cheek - 0.1, cheek + 0.15, v) * lips;
    beard = Math.min(0.9, Math.max(0, beard * (0.85 + 0.25 * noise(u * 40, v * 22))) * 0.85);
  }
  return bare.map((value, k) => value + (who.hair[k] * (0.55 + 0.4 * shade) - value) * beard);
}

function hairColor(
  who: Person,
  light: readonly number[],
  noise: (x: number, y: number) => number,
  u: number,
  v: number,
  level: number,
): number[] {
  const strands = 1 + 0.16 * noise(u * 26 + 2 * noise(u * 3, v * 2), v * 2.2) + 0.08 * noise(u * 60, v * 4);
  const crown = 0.55 + 0.5 * Math.max(0, 0.75 * light[2] + 0.4 * light[0] * u - light[1] * 0.5 * Math.max(0, -v));
  const sheen = strands * (crown + 0.28 * bump(u, v, light[0] * 1.2, -1.25, 0.45, 0.16));
  return who.hair.map((value) => (value + 10) * sheen * level);
}

function earColor(
  who: Person,
  facing: number,
  noise: (x: number, y: number) => number,
  u: number,
  v: number,
): number[] {
  const shade = 0.62 + 0.2 * facing + 0.1 * noise(u * 12, v * 9) - 0.2 * bump(Math.abs(u), v, 1.2, 0.15, 0.04, 0.15);
  return [who.skin[0] * shade, who.skin[1] * shade * 0.92, who.skin[2] * shade * 0.9];
}

/** Middle of a texel in the face's coordinates. */
const place = (x: number, y: number): [number, number] => [
  (x + 0.5) / TEXELS - TEXTURE_LEFT,
  (y + 0.5) / TEXELS - TEXTURE_TOP,
];

const within = (index: number, count: number) => Math.min(count - 1, Math.max(0, index));
