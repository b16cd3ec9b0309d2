import { fail, type StoredCrop } from '@lipsync/contracts';
import type { FaceGenerator } from '@lipsync/contracts/tensors';

/**
 * Refuses a generator for face images of a kind that it cannot fill.
 *
 * @param where the caller's function, for the message.
 * @throws TypeError that names both.
 */
export function assertFaceImages(where: string, { name, recipe }: FaceGenerator, { kind }: StoredCrop): void {
  if (!recipe.crops.includes(kind)) {
    const rule = `of face images that ${name} fills (${recipe.crops.join(', ')})`;
    fail(TypeError, where, 'store', rule, kind);
  }
}
