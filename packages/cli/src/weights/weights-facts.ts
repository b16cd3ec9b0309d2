import { EXPERT_SHA256, PRETRAINED_VERSION } from '@lipsync/pretrained';

/** Which weights a result is of. */
export type WeightsFacts = {
  /** `@lipsync/pretrained`, or the file or name that was given. */
  name: string;
  /** Of the package. */
  version?: string;
  /** SHA-256 of the file; unknown for some ONNX files. */
  sha256?: string;
};

/** The facts of weights that were given by a path or a name; those of `@lipsync/pretrained` are known by their hash. */
export function weightsFacts(given: string, sha256: string | undefined): WeightsFacts {
  if (sha256 === EXPERT_SHA256) return { name: '@lipsync/pretrained', version: PRETRAINED_VERSION, sha256 };
  return { name: given, ...(sha256 === undefined ? {} : { sha256 }) };
}

/** `weights of @lipsync/pretrained 0.1.0 (0a3f80b28cb4)`. */
export function describeWeightsFacts({ name, version, sha256 }: WeightsFacts): string {
  return `weights of ${name}${version ? ` ${version}` : ''}${sha256 ? ` (${sha256.slice(0, 12)})` : ''}`;
}
