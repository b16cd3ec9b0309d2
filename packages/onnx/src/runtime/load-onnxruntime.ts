import { fail, importPackage } from '@lipsync/contracts';

/** The part of onnxruntime's tensors that is used. */
export type OrtTensor = { readonly data: unknown; readonly dims: readonly number[]; dispose?(): void };

/** The part of onnxruntime's sessions that is used. */
export type OrtSession = {
  /** Names of the model's inputs. */
  readonly inputNames?: readonly string[];
  run(feeds: Record<string, OrtTensor>): Promise<Record<string, OrtTensor>>;
  release(): Promise<void>;
};

/** The part of onnxruntime that is used: `import * as ort from 'onnxruntime-node'`, or of onnxruntime-web, is one. */
export type OnnxRuntime = {
  InferenceSession: { create(model: never, options?: never): Promise<unknown> };
  Tensor: new (type: 'float32', data: Float32Array, dims: number[]) => unknown;
  /** Versions of onnxruntime's packages: `node` or `web` is there for the one that runs. */
  env?: { versions?: { node?: string; web?: string } };
};

/** Packages, in the order of search. */
const PACKAGES = { node: 'onnxruntime-node', web: 'onnxruntime-web' };

/**
 * Name and version of an onnxruntime, for reports.
 *
 * @example
 * import { describeOnnxRuntime, loadOnnxRuntime } from '@lipsync/onnx';
 * console.log(describeOnnxRuntime(await loadOnnxRuntime())); // onnxruntime-node 1.30.0
 */
export function describeOnnxRuntime({ env }: OnnxRuntime): string {
  const { node, web } = env?.versions ?? {};
  if (node !== undefined) return `${PACKAGES.node} ${node}`;
  return web === undefined ? 'onnxruntime' : `${PACKAGES.web} ${web}`;
}

/**
 * Imports onnxruntime, which the application installs: onnxruntime-node in Node, otherwise onnxruntime-web.
 *
 * @throws Error that says what to install.
 * @example
 * import { loadOnnxRuntime } from '@lipsync/onnx';
 * const ort = await loadOnnxRuntime();
 */
export async function loadOnnxRuntime(load: (name: string) => Promise<unknown> = importPackage): Promise<OnnxRuntime> {
  const inNode = typeof process !== 'undefined' && process.versions?.node !== undefined;
  const tried: string[] = [];
  for (const name of inNode ? [PACKAGES.node, PACKAGES.web] : [PACKAGES.web]) {
    try {
      const loaded = (await load(name)) as Partial<OnnxRuntime> & { default?: OnnxRuntime };
      const runtime = loaded.InferenceSession ? loaded : loaded.default;
      if (runtime?.InferenceSession) return runtime as OnnxRuntime;
      tried.push(`${name}: no InferenceSession in it`);
    } catch (error) {
      tried.push(`${name}: ${(error as Error).message.split('\n')[0]}`);
    }
  }
  // Its own install script fetches CUDA, which fails where NuGet cannot be reached and is not needed.
  const command = inNode
    ? 'ONNXRUNTIME_NODE_INSTALL=skip npm install onnxruntime-node@1.30.0'
    : 'npm install onnxruntime-web';
  return fail(
    Error,
    'createOnnxExpert',
    'onnxruntime',
    `installed (${command}) or given as the option ort`,
    tried.join('; '),
  );
}
