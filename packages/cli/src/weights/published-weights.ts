/** A published file of weights, or another file that goes with them. */
export type PublishedFile = {
  name: string;
  file: string;
  /** Where it lies officially; undefined where that is a shared drive whose address changes. */
  address?: string;
  /** What is known of its SHA-256: all of it, its first digits, or nothing. */
  sha256?: string;
  what: string;
  /** Where people find it, or its terms, where `address` is not enough. */
  note?: string;
};

const TORCHVISION = 'https://download.pytorch.org/models/';
const LPIPS = 'https://raw.githubusercontent.com/richzhang/PerceptualSimilarity/master/lpips/weights/v0.1/';
const VGG = 'https://www.robots.ox.ac.uk/~vgg/software/lipsync/data/';

/** Official addresses. Hashes are known where a file's own name begins with them; for others the first fetch records what came. */
export const PUBLISHED_FILES: readonly PublishedFile[] = [
  {
    name: 'syncnet-v2',
    file: 'syncnet_v2.model',
    address: `${VGG}syncnet_v2.model`,
    what: 'SyncNet v2, for LSE-D and LSE-C',
  },
  {
    name: 'syncnet-example',
    file: 'example.avi',
    address: `${VGG}example.avi`,
    what: 'the clip of SyncNet’s demo: offset 3, min dist 5.353, confidence 10.021',
  },
  {
    name: 's3fd',
    file: 'sfd_face.pth',
    address: `${VGG}sfd_face.pth`,
    what: 'S3FD, the face detector of SyncNet’s pipeline',
  },
  {
    name: 'stable-syncnet',
    file: 'stable_syncnet.pt',
    address: 'https://huggingface.co/ByteDance/LatentSync-1.6/resolve/main/stable_syncnet.pt',
    what: 'LatentSync’s StableSyncNet',
  },
  {
    name: 'latentsync-syncnet-v1',
    file: 'latentsync_syncnet.pt',
    address: 'https://huggingface.co/ByteDance/LatentSync/resolve/main/latentsync_syncnet.pt',
    what: 'LatentSync’s first StableSyncNet, without attention',
  },
  {
    name: 'wav2lip-expert',
    file: 'lipsync_expert.pth',
    what: 'Wav2Lip’s lip-sync expert',
    note: 'linked from the README of github.com/Rudrabha/Wav2Lip (research use)',
  },
  {
    name: 'dinet',
    file: 'clip_training_DINet_256mouth.pth',
    what: 'DINet’s generator',
    note: 'in asserts.zip, linked from the README of github.com/MRzzm/DINet; unpack it first',
  },
  {
    name: 'dinet-syncnet',
    file: 'syncnet_256mouth.pth',
    what: 'DINet’s sync network',
    note: 'in asserts.zip, linked from the README of github.com/MRzzm/DINet; unpack it first',
  },
  ...['alex', 'vgg', 'squeeze'].map((net) => ({
    name: `lpips-${net}`,
    file: `${net}.pth`,
    address: `${LPIPS}${net}.pth`,
    what: `LPIPS’s linear layers for ${net} (BSD-2-Clause)`,
  })),
  {
    name: 'alexnet',
    file: 'alexnet-owt-7be5be79.pth',
    address: `${TORCHVISION}alexnet-owt-7be5be79.pth`,
    sha256: '7be5be79',
    what: 'AlexNet, for LPIPS',
  },
  {
    name: 'vgg16',
    file: 'vgg16-397923af.pth',
    address: `${TORCHVISION}vgg16-397923af.pth`,
    sha256: '397923af',
    what: 'VGG-16, for LPIPS',
  },
  {
    name: 'vgg19',
    file: 'vgg19-dcbb9e9d.pth',
    address: `${TORCHVISION}vgg19-dcbb9e9d.pth`,
    sha256: 'dcbb9e9d',
    what: 'VGG-19, for perceptual losses',
  },
  {
    name: 'squeezenet',
    file: 'squeezenet1_1-b8a52dc0.pth',
    address: `${TORCHVISION}squeezenet1_1-b8a52dc0.pth`,
    sha256: 'b8a52dc0',
    what: 'SqueezeNet 1.1, for LPIPS',
  },
  {
    name: 'fid-inception',
    file: 'pt_inception-2015-12-05-6726825d.pth',
    address:
      'https://github.com/mseitzer/pytorch-fid/releases/download/fid_weights/pt_inception-2015-12-05-6726825d.pth',
    sha256: '6726825d',
    what: 'Inception v3, for FID',
  },
  {
    name: 'i3d',
    file: 'i3d_torchscript.pt',
    what: 'I3D, for FVD',
    note: 'linked from FVD implementations (StyleGAN-V, LatentSync)',
  },
];
