import { mkdir } from 'node:fs/promises';
import { dirname } from 'node:path';
import { writeFileAtomic } from '@lipsync/checkpoints';
import type { VideoScore } from '@lipsync/score';
import { pngOf } from './canvas';
import { contactSheet } from './contact-sheet';
import type { CropCollector } from './crop-collector';

/**
 * Writes the contact sheet of `--preview`; its folder is made where it does not exist.
 *
 * @returns a line that says what is in it.
 */
export async function writePreview(path: string, { faces }: VideoScore, crops: CropCollector): Promise<string> {
  const shown = faces.filter(({ track }) => crops.of(track));
  const sheet = contactSheet(shown.map(({ track }) => crops.of(track)!.spread));
  if (!sheet) return `--preview: nothing was written, because there is no face with a score`;
  await mkdir(dirname(path), { recursive: true });
  await writeFileAtomic(path, pngOf(sheet));
  const names = shown.map(({ place, track }) => place ?? `face ${track}`);
  const which = names.length > 1 ? `, from top to bottom ${names.join(', ')}` : '';
  return `${path}: what the network saw, with the numbers of the frames${which}`;
}
