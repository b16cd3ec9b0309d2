/**
 * Optional packages, loaded where they are needed.
 *
 * @throws Error that says what to install, with what failed as its cause.
 */
export async function loadBackends(): Promise<typeof import('@lipsync/backends')> {
  try {
    return await import('@lipsync/backends');
  } catch (error) {
    return missing(error, '@lipsync/backends', 'or set a TensorFlow.js backend yourself');
  }
}

export async function loadMedia(): Promise<typeof import('@lipsync/media')> {
  try {
    return await import('@lipsync/media');
  } catch (error) {
    return missing(error, '@lipsync/media', 'or pass a reader');
  }
}

export async function loadOnnx(): Promise<typeof import('@lipsync/onnx')> {
  try {
    return await import('@lipsync/onnx');
  } catch (error) {
    return missing(error, '@lipsync/onnx', 'which runs ONNX files');
  }
}

function missing(cause: unknown, name: string, hint: string): never {
  throw new Error(`${name} must be installed (npm install ${name}), ${hint}: ${(cause as Error).message}`, { cause });
}
