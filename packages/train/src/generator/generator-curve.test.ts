import { expect, test } from 'vitest';
import { type GeneratorLogEntry, generatorCurve } from './generator-curve';

const entry = (step: number): GeneratorLogEntry => ({
  step,
  generator: 1 / step,
  perceptual: Number.NaN,
  gan: 0.5,
  ganClip: Number.NaN,
  sync: Number.NaN,
  image: 0.1 / step,
  frameDiscriminator: 0.25,
  clipDiscriminator: Number.NaN,
  gradientNorm: 1,
  learningRate: 1e-4,
  framesPerSec: 3,
});

test('generatorCurve draws what the run had and nothing else', () => {
  const frame = generatorCurve([entry(1), entry(2)], 'frame');
  expect(frame).toContain('squared error');
  expect(frame).not.toContain('sync loss');
  const cosine = { generated: 0.2, generatedOther: 0.1, real: 0.6, realOther: 0.1 };
  const validation = { on: 'training', frameCount: 10, psnr: 21, cosine } as const;
  const clip = generatorCurve(
    [
      { ...entry(1), sync: 0.6 },
      { ...entry(2), sync: 0.5, validation },
    ],
    'clip',
  );
  expect(clip).toContain('sync loss');
  expect(clip).toContain('cosine of the expert, training clips');
});

test('generatorCurve refuses an empty log', () => {
  expect(() => generatorCurve([], 'x')).toThrow('generatorCurve: log must have at least one entry, got none');
});
