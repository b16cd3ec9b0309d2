import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { AVAlignNetConfig, InputSize } from '../network/config';

/** Reads a file of fixtures/, made by reference/avalignnet-reference.py. */
function fixture<T>(name: string): T {
  return JSON.parse(readFileSync(fileURLToPath(new URL(`../../fixtures/${name}.json`, import.meta.url)), 'utf8')) as T;
}

type Towers = Pick<AVAlignNetConfig, 'visual_encoder' | 'audio_encoder'>;

export type NetworkFixture = {
  input: InputSize;
  config: Towers;
  metadata: Record<string, string>;
  sha256: string;
  labels: number[];
  visual: number[];
  audio: number[];
  cosine: number[];
  loss: number;
  gradientNorm: number;
  gradients: Record<string, { max: number; stride: number; values: number[]; signedSums: number[] }>;
  adamw: { learningRate: number; weightDecay: number; clipNorm: number; losses: number[]; gradientNorms: number[] };
};

export type LossFixture = {
  rows: number;
  width: number;
  clips: number[];
  labels: number[];
  visual: number[];
  audio: number[];
  cases: Record<
    'pairs' | 'contrast' | 'contrastOtherClips' | 'contrastClamped' | 'balanced' | 'sum',
    {
      logTemperature: number;
      loss: number;
      visualGradient: number[];
      audioGradient: number[];
      logTemperatureGradient: number;
    }
  >;
};

type TowerCount = { parameters: number; tensors: number };

export type ShapeFixture = {
  counts: Record<string, { config: Towers; visual: TowerCount; audio: TowerCount }>;
  syncnet_16_pixel_attn: Record<string, number[]>;
};

export const networkFixture = (name: 'attention' | 'thesis') => fixture<NetworkFixture>(name);
export type StableFixture = { input: InputSize; config: Towers; visual: number[]; audio: number[] };

export const stableFixture = () => fixture<StableFixture>('stable');
export const lossFixture = () => fixture<LossFixture>('losses');
export const shapeFixture = () => fixture<ShapeFixture>('shapes');
