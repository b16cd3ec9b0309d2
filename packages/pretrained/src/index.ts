import { version } from '../package.json';
import facts from './expert-facts.json';

/** A file of this package. */
export type PretrainedFile = {
  /** Where it is: `file:` in Node, else the address that the bundler or the server gives it. */
  url: URL;
  /** Its size. */
  bytes: number;
  /** SHA-256 of its bytes, in hexadecimal digits. */
  sha256: string;
};

/** Version of this package: new weights are a new version. */
export const PRETRAINED_VERSION: string = version;

/**
 * The files of the trained sync network, an AVAlignNet.
 *
 * `safetensors`: the weights as float16, under PyTorch's names; in its metadata `config`, `input` and `recipe` (JSON), by
 * which the network is built and its input prepared, and `training`, how it was trained. `visual` and `audio`: the same weights as a
 * pair of ONNX files, float16 that is widened to float32 when a session starts.
 *
 * @example
 * const { url, sha256 } = EXPERT_FILES.safetensors;
 * const bytes = new Uint8Array(await (await fetch(url)).arrayBuffer());
 */
export const EXPERT_FILES: Readonly<Record<'safetensors' | 'visual' | 'audio', PretrainedFile>> = {
  // Bundlers find the files by these expressions, so each stands as it is.
  safetensors: { url: new URL('../data/expert.safetensors', import.meta.url), ...facts.safetensors },
  visual: { url: new URL('../data/expert.visual.onnx', import.meta.url), ...facts.visual },
  audio: { url: new URL('../data/expert.audio.onnx', import.meta.url), ...facts.audio },
};

/** SHA-256 of the weights, `EXPERT_FILES.safetensors`: the `weightsHash` of the network and of scores by it. */
export const EXPERT_SHA256: string = facts.safetensors.sha256;
