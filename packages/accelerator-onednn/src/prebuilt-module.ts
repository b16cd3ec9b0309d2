import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { basename, dirname, join } from 'node:path';
import { moduleFile } from './module-file';

/** The package that holds the module for a system and a kind of processor, such as `-linux-x64`. */
export const prebuiltPackage = (): string => `@lipsync/accelerator-onednn-${process.platform}-${process.arch}`;

/**
 * Path of the module in the package for this platform, an optional dependency that npm installs where it fits. Its name
 * is that of `moduleFile`, so a module of other source is not found.
 *
 * @param from file or URL from which the package is looked up. Default: this package.
 */
export function prebuiltModule(from: string = import.meta.url): { file: string } | { missing: string } {
  const name = prebuiltPackage();
  let folder: string;
  try {
    folder = dirname(createRequire(from).resolve(`${name}/package.json`));
  } catch {
    return { missing: `${name} is not installed` };
  }
  const file = join(folder, basename(moduleFile()));
  return existsSync(file)
    ? { file }
    : { missing: `${name} in ${folder} is of another version than @lipsync/accelerator-onednn` };
}
