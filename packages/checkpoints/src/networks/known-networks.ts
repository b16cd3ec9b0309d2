/** A network whose weights are published, and how its state dict is told from others. */
export type KnownNetwork = {
  /** Short name, as in metadata. */
  name: string;
  /** Full name, with the repository or the variant. */
  title: string;
  /** Parameters that no other known network has all of, with shapes in PyTorch's order; null: any size. */
  identifiedBy: readonly (readonly [string, readonly (number | null)[]])[];
  /** What the network does, as the end of a sentence: "scores lip sync". */
  purpose: string;
};

/**
 * Published networks by the parameters that identify them; where one network's parameters are a subset of another's,
 * the larger network comes first.
 *
 * Source: the networks' repositories and torchvision; each entry checked against a PyTorch reference of that network.
 */
export const KNOWN_NETWORKS: readonly KnownNetwork[] = [
  {
    name: 'syncnet',
    title: 'SyncNet v2 (joonson/syncnet_python)',
    identifiedBy: [
      ['netcnnlip.0.weight', [null, 3, 5, 7, 7]],
      ['netcnnaud.0.weight', [null, 1, 3, 3]],
      ['netfclip.3.weight', [null, null]],
    ],
    purpose: 'scores lip sync',
  },
  {
    name: 'wav2lip',
    title: 'Wav2Lip’s lip-sync expert (SyncNet_color)',
    identifiedBy: [
      ['face_encoder.0.conv_block.0.weight', [null, null, 7, 7]],
      ['audio_encoder.13.conv_block.0.weight', [null, null, 1, 1]],
    ],
    purpose: 'scores lip sync',
  },
  {
    name: 'latentsync-wav2lip',
    title: 'LatentSync’s deepened Wav2Lip expert (Wav2LipSyncNet)',
    identifiedBy: [
      ['visual_encoder.0.conv_block.0.weight', [null, null, 7, 7]],
      ['audio_encoder.16.conv_block.0.weight', [null, null, 1, 1]],
    ],
    purpose: 'scores lip sync',
  },
  {
    name: 'avalignnet',
    title: 'AVAlignNet, or LatentSync’s StableSyncNet',
    identifiedBy: [
      ['visual_encoder.conv_in.weight', [null, null, 3, 3]],
      ['audio_encoder.conv_in.weight', [null, 1, 3, 3]],
      ['visual_encoder.norm_out.weight', [null]],
    ],
    purpose: 'scores lip sync',
  },
  {
    name: 'dinet-syncnet',
    title: 'DINet’s sync network',
    identifiedBy: [
      ['merge_encoder.0.weight', [null, null, 3, 3]],
      ['face_encoder.face_conv.0.conv.weight', [null, 15, 7, 7]],
    ],
    purpose: 'scores lip sync',
  },
  {
    name: 'dinet',
    title: 'DINet’s generator',
    identifiedBy: [
      ['adaAT.commn_linear.0.weight', [null, null]],
      ['source_in_conv.0.conv.weight', [null, 3, 7, 7]],
    ],
    purpose: 'generates dubbed faces',
  },
  {
    name: 'reference-generator',
    title: 'the reference-attention generator',
    identifiedBy: [
      ['decoder.bottleneck.conv_block.0.weight', [null, null, 1, 1]],
      ['reference_encoder.0.0.conv_block.0.weight', [null, 3, 7, 7]],
    ],
    purpose: 'generates dubbed faces',
  },
  {
    name: 'dinet-discriminator',
    title: 'a discriminator of DINet',
    identifiedBy: [
      ['down_blocks.0.conv.weight', [null, null, 4, 4]],
      ['conv.weight', [1, null, 1, 1]],
    ],
    purpose: 'tells generated faces from real ones, to train a generator',
  },
  {
    name: 'autoencoder-kl',
    title: 'the autoencoder of Stable Diffusion (AutoencoderKL of diffusers)',
    identifiedBy: [
      ['encoder.down_blocks.0.resnets.0.conv1.weight', [null, null, 3, 3]],
      ['post_quant_conv.weight', [null, null, 1, 1]],
    ],
    purpose: 'turns images into latents and back',
  },
  {
    name: 'wav2lip-generator',
    title: 'Wav2Lip’s generator',
    identifiedBy: [
      ['face_encoder_blocks.0.0.conv_block.0.weight', [null, 6, 7, 7]],
      ['output_block.1.weight', [3, null, 1, 1]],
    ],
    purpose: 'generates dubbed faces',
  },
  {
    name: 'wav2lip-discriminator',
    title: 'Wav2Lip’s visual-quality discriminator',
    identifiedBy: [
      ['face_encoder_blocks.0.0.conv_block.0.weight', [null, 3, 7, 7]],
      ['binary_pred.0.weight', [1, null, 1, 1]],
    ],
    purpose: 'tells generated faces from real ones, to train a generator',
  },
  {
    name: 's3fd',
    title: 'S3FD, the face detector of the SyncNet pipeline',
    identifiedBy: [
      ['L2Norm3_3.weight', [256]],
      ['conf.0.weight', [4, 256, 3, 3]],
    ],
    purpose: 'detects faces',
  },
  {
    name: 'lpips-squeeze',
    title: 'LPIPS’s linear layers for SqueezeNet (v0.1)',
    identifiedBy: [
      ['lin6.model.1.weight', [1, 512, 1, 1]],
      ['lin0.model.1.weight', [1, 64, 1, 1]],
    ],
    purpose: 'measures perceptual distance (LPIPS)',
  },
  {
    name: 'lpips-vgg',
    title: 'LPIPS’s linear layers for VGG-16 (v0.1)',
    identifiedBy: [
      ['lin1.model.1.weight', [1, 128, 1, 1]],
      ['lin4.model.1.weight', [1, 512, 1, 1]],
    ],
    purpose: 'measures perceptual distance (LPIPS)',
  },
  {
    name: 'lpips-alex',
    title: 'LPIPS’s linear layers for AlexNet (v0.1)',
    identifiedBy: [
      ['lin1.model.1.weight', [1, 192, 1, 1]],
      ['lin4.model.1.weight', [1, 256, 1, 1]],
    ],
    purpose: 'measures perceptual distance (LPIPS)',
  },
  {
    name: 'squeezenet',
    title: 'SqueezeNet 1.1 (torchvision)',
    identifiedBy: [
      ['features.0.weight', [64, 3, 3, 3]],
      ['features.3.squeeze.weight', [16, 64, 1, 1]],
    ],
    purpose: 'gives features for perceptual distances, LPIPS among them',
  },
  {
    name: 'alexnet',
    title: 'AlexNet (torchvision)',
    identifiedBy: [
      ['features.0.weight', [64, 3, 11, 11]],
      ['features.10.weight', [256, 256, 3, 3]],
    ],
    purpose: 'gives features for perceptual distances, LPIPS among them',
  },
  {
    name: 'vgg19',
    title: 'VGG-19 (torchvision)',
    identifiedBy: [
      ['features.0.weight', [64, 3, 3, 3]],
      ['features.34.weight', [512, 512, 3, 3]],
    ],
    purpose: 'gives features for perceptual distances',
  },
  {
    name: 'vgg16',
    title: 'VGG-16 (torchvision)',
    identifiedBy: [
      ['features.0.weight', [64, 3, 3, 3]],
      ['features.28.weight', [512, 512, 3, 3]],
    ],
    purpose: 'gives features for perceptual distances, LPIPS among them',
  },
  {
    name: 'fid-inception',
    title: 'Inception v3 of FID (pytorch-fid, 1008 classes)',
    identifiedBy: [
      ['Mixed_7c.branch_pool.conv.weight', [192, 2048, 1, 1]],
      ['fc.weight', [1008, 2048]],
    ],
    purpose: 'gives features for FID',
  },
  {
    name: 'inception',
    title: 'Inception v3 of torchvision (1000 classes), which is not FID’s',
    identifiedBy: [
      ['Mixed_7c.branch_pool.conv.weight', [192, 2048, 1, 1]],
      ['fc.weight', [1000, 2048]],
    ],
    purpose: 'classifies images; FID takes another Inception v3',
  },
  {
    name: 'i3d',
    title: 'I3D (RGB, Kinetics-400)',
    identifiedBy: [['Conv3d_1a_7x7.conv3d.weight', [64, 3, 7, 7, 7]]],
    purpose: 'gives features for FVD',
  },
];

const fits = (shape: readonly number[] | undefined, wanted: readonly (number | null)[]) =>
  shape !== undefined &&
  shape.length === wanted.length &&
  wanted.every((side, axis) => side === null || side === shape[axis]);

/**
 * Which published network a state dict belongs to, by names and shapes alone.
 *
 * @param shapes PyTorch's shape by name, without `module.` and container names (as `stateDictNames` gives them).
 * @returns undefined where the state dict has all identifying parameters of no known network.
 * @example
 * const shapes = new Map([
 *   ['netcnnlip.0.weight', [96, 3, 5, 7, 7]],
 *   ['netcnnaud.0.weight', [64, 1, 3, 3]],
 *   ['netfclip.3.weight', [1024, 512]],
 * ]);
 * identifyNetwork(shapes)?.title; // 'SyncNet v2 (joonson/syncnet_python)'
 */
export function identifyNetwork(shapes: ReadonlyMap<string, readonly number[]>): KnownNetwork | undefined {
  return KNOWN_NETWORKS.find(({ identifiedBy }) =>
    identifiedBy.every(([name, wanted]) => fits(shapes.get(name), wanted)),
  );
}

/**
 * The known network that shares most identifying parameters with a state dict, for error messages.
 *
 * @param shapes as `identifyNetwork` takes them; only the names count.
 * @returns the network and the number of shared parameters; undefined where no network shares any.
 * @example
 * nearestNetwork(new Map([['netcnnlip.0.weight', [96, 3, 5, 7, 7]]])); // { network: { name: 'syncnet', ... }, fitting: 1 }
 */
export function nearestNetwork(
  shapes: ReadonlyMap<string, readonly number[]>,
): { network: KnownNetwork; fitting: number } | undefined {
  const counted = KNOWN_NETWORKS.map((network) => ({
    network,
    fitting: network.identifiedBy.filter(([name]) => shapes.has(name)).length,
  }));
  const best = counted.reduce((a, b) => (b.fitting > a.fitting ? b : a));
  return best.fitting > 0 ? best : undefined;
}
