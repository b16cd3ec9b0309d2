import {
  assertDinetConfig,
  DINET,
  type DinetConfig,
  DinetDiscriminator,
  DinetGenerator,
  dinetMetadata,
  dinetPerceptual,
  LITE_DINET,
  loadDinet,
  THESIS_DINET,
} from '@lipsync/dinet';
import { DinetTrainer } from '../dinet-trainer';
import { CLIP_FRAMES } from '../generator-batch';
import type { GeneratorModule, GeneratorNetwork, TrainerParts } from './generator-network';

/** DINet and the thesis's variants of it. */
export const DINET_NETWORK: GeneratorNetwork<DinetConfig> = {
  title: 'DINet',
  generator: 'DINet',
  configs: { lite: LITE_DINET, thesis: THESIS_DINET, published: DINET },
  assertConfig: assertDinetConfig,
  build: (config, seed) => new DinetGenerator(config, { seed }),
  load: (source) => loadDinet(source),
  metadata(generator, crop) {
    const net = generator as DinetGenerator;
    if (crop.kind === 'dinet head') net.crop = crop;
    return dinetMetadata(net);
  },
  stage: 'frame',
  batch: { frame: 24, clip: 3 },
  rate: 'falling',
  takes: { perceptual: true, expert: true },
  trainer: dinetTrainer,
  discriminatorWidth: (generator: GeneratorModule) => (generator as DinetGenerator).config.width,
};

function dinetTrainer(parts: TrainerParts): DinetTrainer {
  const { generator, stage, seed, learningRate, weights, clipNorm, chunk, perceptual, sync } = parts;
  const width = parts.discriminatorWidth ?? DINET_NETWORK.discriminatorWidth(generator);
  const discriminator = (frameCount: number, number: number) =>
    new DinetDiscriminator({ frameCount, width, seed: seed + number });
  return new DinetTrainer({
    generator,
    frameDiscriminator: discriminator(1, 1),
    clipDiscriminator: stage === 'clip' ? discriminator(CLIP_FRAMES, 2) : undefined,
    ...{ learningRate, weights, clipNorm, chunk },
    ...(perceptual === 'none' ? {} : { perceptual: dinetPerceptual(perceptual) }),
    ...(sync ? { sync } : {}),
  });
}
