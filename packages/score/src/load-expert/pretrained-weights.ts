import type { ByteInput } from '@lipsync/checkpoints';
import { fail } from '@lipsync/contracts';
import type { SyncExpert } from '@lipsync/contracts/tensors';

/**
 * The weights file of `@lipsync/pretrained`, as something that `loadExpert` takes. Bundlers put the package, which is
 * imported here only, into a chunk of its own.
 *
 * @param assets folder that holds the file. Default: where the bundler puts it.
 * @returns its `file:` URL in Node; elsewhere its bytes, fetched as a whole, since not every server serves ranges.
 * @throws Error where the file cannot be fetched.
 */
export async function pretrainedWeights(assets?: URL): Promise<ByteInput> {
  const { EXPERT_FILES } = await import('@lipsync/pretrained');
  const { bytes: size } = EXPERT_FILES.safetensors;
  const url = assets ? new URL('expert.safetensors', assets) : EXPERT_FILES.safetensors.url;
  if (url.protocol === 'file:') return url;
  const response = await fetch(url).catch((error: Error) => unreachable(url, error.message));
  if (!response.ok) return unreachable(url, `${response.status} ${response.statusText}`);
  const bytes = new Uint8Array(await response.arrayBuffer());
  // Servers of single-page applications answer with a page where a file is missing.
  if (bytes.length !== size) return unreachable(url, `${bytes.length} bytes in place of ${size}`);
  return bytes;
}

function unreachable(url: URL, why: string): never {
  const place =
    "the file data/expert.safetensors of @lipsync/pretrained, where the page's bundler or server puts it (option assetsUrl)";
  return fail(Error, 'loadExpert', url.href, place, why);
}

/**
 * The expert, if it is the network of the file that the package describes.
 *
 * @throws Error for a file that is not the package's, such as one that a server kept from an earlier version.
 */
export async function assertPretrained(expert: SyncExpert): Promise<SyncExpert> {
  const { EXPERT_FILES, EXPERT_SHA256 } = await import('@lipsync/pretrained');
  if (expert.weightsHash === EXPERT_SHA256) return expert;
  expert.dispose();
  const rule = `the file of @lipsync/pretrained whose SHA-256 begins with ${EXPERT_SHA256.slice(0, 12)}`;
  return fail(Error, 'loadExpert', EXPERT_FILES.safetensors.url.href, rule, expert.weightsHash?.slice(0, 12));
}
