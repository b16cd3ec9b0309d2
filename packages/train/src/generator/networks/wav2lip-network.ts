import {
  assertWav2LipConfig,
  LITE_WAV2LIP,
  LipGanDiscriminator,
  loadWav2Lip,
  WAV2LIP,
  WAV2LIP_SCHEDULE,
  type Wav2LipConfig,
  Wav2LipDiscriminator,
  Wav2LipGenerator,
  wav2lipMetadata,
} from '@lipsync/wav2lip';
import type { GeneratorNetwork, TrainerParts } from './generator-network';
import { LipGanTrainer } from './lipgan-trainer';
import { Wav2LipTrainer } from './wav2lip-trainer';

const SHARED = {
  generator: 'Wav2Lip',
  configs: { lite: LITE_WAV2LIP, published: WAV2LIP },
  assertConfig: assertWav2LipConfig,
  build: (config, seed) => new Wav2LipGenerator(config, { seed }),
  load: (source) => loadWav2Lip(source),
  metadata(generator, crop) {
    const net = generator as Wav2LipGenerator;
    net.crop = crop;
    return wav2lipMetadata(net);
  },
  batch: { frame: 16, clip: 16 },
  rate: 'constant',
  discriminatorWidth: (generator) => (generator as Wav2LipGenerator).config.width,
} as const satisfies Partial<GeneratorNetwork<Wav2LipConfig>>;

const discriminatorOptions = ({ generator, seed, discriminatorWidth }: TrainerParts) => ({
  width: discriminatorWidth ?? SHARED.discriminatorWidth(generator),
  size: (generator as Wav2LipGenerator).config.size,
  seed: seed + 1,
});

/** Wav2Lip, with and without its quality discriminator. */
export const WAV2LIP_NETWORK: GeneratorNetwork<Wav2LipConfig> = {
  ...SHARED,
  title: 'Wav2Lip',
  stage: 'clip',
  takes: { perceptual: false, expert: true },
  trainer(parts) {
    const { generator, learningRate, clipNorm, chunk, sync, schedule = WAV2LIP_SCHEDULE } = parts;
    const discriminator = schedule.gan > 0 ? new Wav2LipDiscriminator(discriminatorOptions(parts)) : undefined;
    return new Wav2LipTrainer({
      ...{ generator, discriminator, schedule, sync },
      ...{ learningRate, clipNorm, chunk },
    });
  },
};

/** LipGAN: the same generator, taught by a discriminator of faces and audio that learns with it. */
export const LIPGAN_NETWORK: GeneratorNetwork<Wav2LipConfig> = {
  ...SHARED,
  title: 'LipGAN',
  stage: 'frame',
  takes: { perceptual: false, expert: false },
  trainer(parts) {
    const { generator, learningRate, clipNorm, chunk } = parts;
    const discriminator = new LipGanDiscriminator(discriminatorOptions(parts));
    return new LipGanTrainer({ ...{ generator, discriminator }, ...{ learningRate, clipNorm, chunk } });
  },
};
