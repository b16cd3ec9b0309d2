import { expect, test } from 'vitest';
import { headTexture, TEXELS, TEXTURE_LEFT, TEXTURE_TOP } from './head-texture';
import { person } from './person';

const who = person(4);
const texture = headTexture(who);
const texel = (u: number, v: number) => {
  const at = (Math.floor((v + TEXTURE_TOP) * TEXELS) * texture.width + Math.floor((u + TEXTURE_LEFT) * TEXELS)) * 4;
  return Array.from(texture.data.slice(at, at + 4));
};

test('the face covers, the corner does not', () => {
  expect(texel(0, 0.5)[3]).toBeCloseTo(1, 6); // measured 0
  expect(texel(-1.9, -2)[3]).toBe(0);
});

test('cheeks have the skin tone, the eye socket is darker', () => {
  const cheek = texel(0.6, 0.5);
  const socket = texel(0.33, -0.06);
  who.skin.forEach((value, k) => expect(Math.abs(cheek[k] - value)).toBeLessThan(70));
  expect(socket[1]).toBeLessThan(cheek[1]);
});
