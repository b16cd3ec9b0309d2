/** A network that published files hold, and how its state dict is told from others. */
export type KnownNetwork = {
  /** Short name, as in commands and metadata. */
  name: string;
  /** What it is. */
  title: string;
  /** Names that it has and no other known one has all of, with shapes in PyTorch's order; null: any number. */
  signs: readonly (readonly [string, readonly (number | null)[]])[];
  /** What it is good for here. */
  use: string;
};

/**
 * Networks of the field by their signs, the more particular ones first.
 *
 * Source: the fact sheets of the networks; each sign checked against a PyTorch reference or torchvision, see the test and README.
 */
export const KNOWN_NETWORKS: readonly KnownNetwork[] = [
  {
    name: 'syncnet',
    title: 'SyncNet v2 (joonson/syncnet_python)',
    signs: [
      ['netcnnlip.0.weight', [null, 3, 5, 7, 7]],
      ['netcnnaud.0.weight', [null, 1, 3, 3]],
      ['netfclip.3.weight', [null, null]],
    ],
    use: 'lipsync score --protocol syncnet-demo',
  },
  {
    name: 'wav2lip',
    title: 'Wav2Lip’s lip-sync expert (SyncNet_color)',
    signs: [
      ['face_encoder.0.conv_block.0.weight', [null, null, 7, 7]],
      ['audio_encoder.13.conv_block.0.weight', [null, null, 1, 1]],
    ],
    use: 'lipsync score',
  },
  {
    name: 'latentsync-wav2lip',
    title: 'LatentSync’s deepened Wav2Lip expert (Wav2LipSyncNet)',
    signs: [
      ['visual_encoder.0.conv_block.0.weight', [null, null, 7, 7]],
      ['audio_encoder.16.conv_block.0.weight', [null, null, 1, 1]],
    ],
    use: 'lipsync score',
  },
  {
    name: 'avalignnet',
    title: 'AVAlignNet, or LatentSync’s StableSyncNet',
    signs: [
      ['visual_encoder.conv_in.weight', [null, null, 3, 3]],
      ['audio_encoder.conv_in.weight', [null, 1, 3, 3]],
      ['visual_encoder.norm_out.weight', [null]],
    ],
    use: 'lipsync score',
  },
  {
    name: 'dinet-syncnet',
    title: 'DINet’s sync network',
    signs: [
      ['merge_encoder.0.weight', [null, null, 3, 3]],
      ['face_encoder.face_conv.0.conv.weight', [null, 15, 7, 7]],
    ],
    use: 'DinetSyncNet of @lipsync/syncnet',
  },
  {
    name: 'dinet',
    title: 'DINet’s generator',
    signs: [
      ['adaAT.commn_linear.0.weight', [null, null]],
      ['source_in_conv.0.conv.weight', [null, 3, 7, 7]],
    ],
    use: 'loadDinet of @lipsync/dinet',
  },
  {
    name: 'dinet-discriminator',
    title: 'a discriminator of DINet',
    signs: [
      ['down_blocks.0.conv.weight', [null, null, 4, 4]],
      ['conv.weight', [1, null, 1, 1]],
    ],
    use: 'DinetDiscriminator of @lipsync/dinet',
  },
  {
    name: 'wav2lip-generator',
    title: 'Wav2Lip’s generator',
    signs: [
      ['face_encoder_blocks.0.0.conv_block.0.weight', [null, 6, 7, 7]],
      ['output_block.1.weight', [3, null, 1, 1]],
    ],
    use: 'not used here',
  },
  {
    name: 'wav2lip-discriminator',
    title: 'Wav2Lip’s visual-quality discriminator',
    signs: [
      ['face_encoder_blocks.0.0.conv_block.0.weight', [null, 3, 7, 7]],
      ['binary_pred.0.weight', [1, null, 1, 1]],
    ],
    use: 'not used here',
  },
  {
    name: 's3fd',
    title: 'S3FD, the face detector of the SyncNet pipeline',
    signs: [
      ['L2Norm3_3.weight', [256]],
      ['conf.0.weight', [4, 256, 3, 3]],
    ],
    use: 'not used here: faces are found by @lipsync/face-crop’s own detector',
  },
  {
    name: 'lpips-squeeze',
    title: 'LPIPS’s linear layers for SqueezeNet (v0.1)',
    signs: [
      ['lin6.model.1.weight', [1, 512, 1, 1]],
      ['lin0.model.1.weight', [1, 64, 1, 1]],
    ],
    use: 'LPIPS of @lipsync/metrics',
  },
  {
    name: 'lpips-vgg',
    title: 'LPIPS’s linear layers for VGG-16 (v0.1)',
    signs: [
      ['lin1.model.1.weight', [1, 128, 1, 1]],
      ['lin4.model.1.weight', [1, 512, 1, 1]],
    ],
    use: 'LPIPS of @lipsync/metrics',
  },
  {
    name: 'lpips-alex',
    title: 'LPIPS’s linear layers for AlexNet (v0.1)',
    signs: [
      ['lin1.model.1.weight', [1, 192, 1, 1]],
      ['lin4.model.1.weight', [1, 256, 1, 1]],
    ],
    use: 'LPIPS of @lipsync/metrics',
  },
  {
    name: 'squeezenet',
    title: 'SqueezeNet 1.1 (torchvision)',
    signs: [
      ['features.0.weight', [64, 3, 3, 3]],
      ['features.3.squeeze.weight', [16, 64, 1, 1]],
    ],
    use: 'LPIPS of @lipsync/metrics',
  },
  {
    name: 'alexnet',
    title: 'AlexNet (torchvision)',
    signs: [
      ['features.0.weight', [64, 3, 11, 11]],
      ['features.10.weight', [256, 256, 3, 3]],
    ],
    use: 'LPIPS of @lipsync/metrics',
  },
  {
    name: 'vgg19',
    title: 'VGG-19 (torchvision)',
    signs: [
      ['features.0.weight', [64, 3, 3, 3]],
      ['features.34.weight', [512, 512, 3, 3]],
    ],
    use: 'perceptual distances of @lipsync/nn',
  },
  {
    name: 'vgg16',
    title: 'VGG-16 (torchvision)',
    signs: [
      ['features.0.weight', [64, 3, 3, 3]],
      ['features.28.weight', [512, 512, 3, 3]],
    ],
    use: 'LPIPS and perceptual distances of @lipsync/metrics',
  },
  {
    name: 'fid-inception',
    title: 'Inception v3 of FID (pytorch-fid, 1008 classes)',
    signs: [
      ['Mixed_7c.branch_pool.conv.weight', [192, 2048, 1, 1]],
      ['fc.weight', [1008, 2048]],
    ],
    use: 'FID of @lipsync/metrics',
  },
  {
    name: 'inception',
    title: 'Inception v3 of torchvision (1000 classes), which is not FID’s',
    signs: [
      ['Mixed_7c.branch_pool.conv.weight', [192, 2048, 1, 1]],
      ['fc.weight', [1000, 2048]],
    ],
    use: 'not used here: FID needs fid-inception',
  },
  {
    name: 'i3d',
    title: 'I3D (RGB, Kinetics-400)',
    signs: [['Conv3d_1a_7x7.conv3d.weight', [64, 3, 7, 7, 7]]],
    use: 'FVD of @lipsync/metrics',
  },
];

const fits = (shape: readonly number[] | undefined, wanted: readonly (number | null)[]) =>
  shape !== undefined &&
  shape.length === wanted.length &&
  wanted.every((side, axis) => side === null || side === shape[axis]);

/**
 * Which known network a state dict is of, by names and shapes alone.
 *
 * @param shapes PyTorch's shape by name, `module.` and containers already taken away (`stateDictNames`).
 * @returns undefined where no known network has all its signs there.
 * @example
 * identifyNetwork(new Map([['netcnnlip.0.weight', [96, 3, 5, 7, 7]], …]))?.title; // SyncNet v2 …
 */
export function identifyNetwork(shapes: ReadonlyMap<string, readonly number[]>): KnownNetwork | undefined {
  return KNOWN_NETWORKS.find(({ signs }) => signs.every(([name, wanted]) => fits(shapes.get(name), wanted)));
}

/** The known network that shares most signs with a state dict, and how many of them; undefined where none shares any. */
export function nearestNetwork(
  shapes: ReadonlyMap<string, readonly number[]>,
): { network: KnownNetwork; fitting: number } | undefined {
  const counted = KNOWN_NETWORKS.map((network) => ({
    network,
    fitting: network.signs.filter(([name]) => shapes.has(name)).length,
  }));
  const best = counted.reduce((a, b) => (b.fitting > a.fitting ? b : a));
  return best.fitting > 0 ? best : undefined;
}
