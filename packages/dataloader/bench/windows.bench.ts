import { performance } from 'node:perf_hooks';
import { Random } from '@lipsync/nn';
import { cutFeatureWindow, cutMouthWindow } from '@lipsync/sync-windows';
import { AUGMENTATION, drawAugmentation } from '../src/augment/augmentation';

/** Milliseconds to prepare one sample of ten 48x48 frames and 32 mel steps from stored 96x96 frames. */
const side = (factor: number) => factor;
const crop = { kind: 'similarity', centre: 'mean 48-67', upright: 'eye centres', window: 'clip median' } as const;
const stored = { ...crop, side: side(1.9), size: 96 };
const recipe = {
  frameCount: 10,
  fps: 25,
  featureSteps: 32,
  features: 'THESIS_MEL',
  crop: { ...crop, side: side(1.18), size: 48 },
  color: 'RGB',
  range: [-1, 1],
} as const;
const frames = Uint8Array.from({ length: 30 * 96 * 96 * 3 }, (_, i) => (i * 31) & 255);
const features = { data: new Float32Array(96 * 80), steps: 96, bins: 80 };

const times: Record<string, number[]> = { 'frames, varied': [], 'frames, plain': [], 'audio, varied': [], draw: [] };
const time = <A>(name: string, work: () => A): A => {
  const start = performance.now();
  const result = work();
  times[name].push(performance.now() - start);
  return result;
};
for (let i = 0; i < 400; i++) {
  const augmentation = time('draw', () => drawAugmentation(AUGMENTATION, new Random(1, i)));
  time('frames, varied', () => cutMouthWindow(frames, i % 20, { stored, recipe, augmentation }));
  time('frames, plain', () => cutMouthWindow(frames, i % 20, { stored, recipe }));
  time('audio, varied', () => cutFeatureWindow(features, i % 20, { recipe, augmentation }));
}
for (const [name, values] of Object.entries(times)) {
  values.sort((a, b) => a - b);
  console.log(`${name}: median ${values[200].toFixed(3)} ms, fastest tenth ${values[40].toFixed(3)} ms`);
}
