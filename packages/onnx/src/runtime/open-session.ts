import type { OnnxRuntime, OrtSession } from './load-onnxruntime';

/** A model: a path (Node), a URL, or its bytes. */
export type OnnxInput = string | URL | Uint8Array;

export type OnnxRunOptions = {
  /** `import * as ort from 'onnxruntime-node'`, or of onnxruntime-web. Default: whichever of them is installed. */
  ort?: OnnxRuntime;
  /**
   * onnxruntime's execution providers, in the order of preference: `cpu`, `webgpu`, `wasm`, … Default onnxruntime's
   * own.
   */
  executionProviders?: readonly string[];
  /**
   * Threads per session; onnxruntime-web uses `ort.env.wasm.numThreads` instead. Default onnxruntime's: one per core.
   */
  threads?: number;
};

/** Starts a session for a model. */
export async function openSession(
  ort: OnnxRuntime,
  input: OnnxInput,
  { executionProviders, threads }: Omit<OnnxRunOptions, 'ort'>,
): Promise<OrtSession> {
  const settings = {
    // Each session has its own threads; idle ones must not spin on the cores of the others.
    extra: { session: { intra_op: { allow_spinning: '0' } } },
    ...(executionProviders ? { executionProviders: [...executionProviders] } : {}),
    ...(threads ? { intraOpNumThreads: threads, interOpNumThreads: 1 } : {}),
  };
  const model =
    input instanceof URL ? (input.protocol === 'file:' ? decodeURIComponent(input.pathname) : input.href) : input;
  return (await ort.InferenceSession.create(model as never, settings as never)) as OrtSession;
}
