import { readFileSync } from 'node:fs';
import { formulaNumbers } from '../../../../tests/support/formula-weights';
import type { Image } from '../image/image';
import type { SsimVariant } from '../image/ssim';

export type ImagesFixture = {
  cases: {
    name: string;
    height: number;
    width: number;
    channels: number;
    ssim: Record<SsimVariant, number>;
    psnr: number;
    maskedPsnr: { mean: number; sum: number };
    laplacianVariance: Record<'1 8 bit' | '3 8 bit' | '1 exact', { all: number; mask: number }>;
  }[];
  smooth: { height: number; width: number; ssim: Record<SsimVariant, number>; psnr: number; float32: number };
};

/** What reference/metrics-images.py measured. */
export const images = JSON.parse(
  readFileSync(new URL('../../fixtures/images.json', import.meta.url), 'utf8'),
) as ImagesFixture;

type Size = { name: string; height: number; width: number; channels: number };

/** `pair` of reference/metrics-images.py, byte for byte. */
export function formulaPair({ name, height, width, channels }: Size): { real: Image; generated: Image } {
  const [rows, columns] = [Math.ceil(height / 8), Math.ceil(width / 8)];
  const squares = formulaNumbers(`${name} squares`, rows * columns * channels, 0, 1);
  const size = height * width * channels;
  const [grain, other] = ['grain', 'other grain'].map((kind) => formulaNumbers(`${name} ${kind}`, size, 0, 1));
  const [real, generated] = [new Uint8Array(size), new Uint8Array(size)];
  for (let y = 0, i = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      for (let channel = 0; channel < channels; channel++, i++) {
        const square = squares[((y >> 3) * columns + (x >> 3)) * channels + channel];
        real[i] = Math.floor(255 * (0.8 * square + 0.2 * grain[i]) + 0.5);
        generated[i] = Math.floor(255 * (0.7 * square + 0.1 * grain[i] + 0.15 * other[i]) + 0.5);
      }
    }
  }
  return { real: { data: real, height, width }, generated: { data: generated, height, width } };
}

/** `smooth_pair` of reference/metrics-images.py: ramps in 0.9..0.95. */
export function smoothPair(height: number, width: number): { real: Image; generated: Image } {
  const [real, generated] = [new Float64Array(height * width * 3), new Float64Array(height * width * 3)];
  for (let y = 0, i = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      for (const slope of [0.02, 0.03, 0.05]) {
        const ramp = ((y + x) / (height + width)) * slope;
        real[i] = ramp + 0.9;
        generated[i++] = ramp * 0.98 + 0.901;
      }
    }
  }
  return { real: { data: real, height, width }, generated: { data: generated, height, width } };
}

/** A mask of zeros and ones, about half of each. */
export function formulaMask({ name, height, width }: Size): Uint8Array {
  return Uint8Array.from(formulaNumbers(`${name} mask`, height * width, 0, 1), (value) => Number(value > 0.5));
}

/** The same image in another range, in float32. */
export function inRange({ data, height, width }: Image, [low, high]: readonly [number, number]): Image {
  return { data: Float32Array.from(data, (value) => low + (value / 255) * (high - low)), height, width };
}
