import { readStateDict } from '@lipsync/checkpoints';

export type NpyArray = { shape: number[]; data: Float32Array | Uint8Array };

/** Reads the arrays of a numpy `.npz` file, float32 and uint8, by their names. */
export async function readNpz(path: string): Promise<Map<string, NpyArray>> {
  const { state } = await readStateDict(path, { prefix: '', widen: false });
  for (const [name, { dtype }] of state) {
    if (dtype !== 'float32' && dtype !== 'uint8')
      throw new Error(`readNpz: ${name} must be float32 or uint8, got ${dtype}`);
  }
  return state as Map<string, NpyArray>;
}
