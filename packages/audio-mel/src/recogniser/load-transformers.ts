import { fail, importPackage } from '@lipsync/contracts';

type From<T> = { from_pretrained(source: string, options: Record<string, unknown>): Promise<T> };

/** The part of transformers.js's tensors that is used. */
type TransformersTensor = { readonly data: unknown; readonly dims: readonly number[] };

/** The part of transformers.js that is used: `import * as transformers from '@huggingface/transformers'` is one. */
export type TransformersModule = {
  AutoModelForCTC: From<
    ((inputs: Record<string, unknown>) => Promise<{ logits: TransformersTensor }>) & {
      readonly sessions?: Record<string, { inputNames?: readonly string[] }>;
      dispose(): Promise<unknown>;
    }
  >;
  AutoTokenizer: From<{ get_vocab(): Map<string, number> | Record<string, number> }>;
  AutoFeatureExtractor: From<{ config: { sampling_rate?: number; do_normalize?: boolean } }>;
  Tensor: new (type: string, data: Float32Array | BigInt64Array, dims: number[]) => unknown;
};

const NAME = '@huggingface/transformers';

/**
 * Imports transformers.js, which the application installs.
 *
 * @throws Error that says what to install.
 */
export async function loadTransformers(
  load: (name: string) => Promise<unknown> = importPackage,
): Promise<TransformersModule> {
  let got: string;
  try {
    const loaded = (await load(NAME)) as Partial<TransformersModule> & { default?: TransformersModule };
    const found = loaded.AutoModelForCTC ? loaded : loaded.default;
    if (found?.AutoModelForCTC && found.AutoTokenizer && found.AutoFeatureExtractor && found.Tensor)
      return found as TransformersModule;
    got = 'a package without AutoModelForCTC';
  } catch (error) {
    got = (error as Error).message.split('\n')[0];
  }
  // The install script of its onnxruntime-node fetches CUDA, which is not needed.
  const command = `ONNXRUNTIME_NODE_INSTALL=skip npm install ${NAME}@4`;
  return fail(Error, 'createCtcFeatures', NAME, `installed (${command}) or given as the option transformers`, got);
}
