/**
 * The files that executed blocks read, all made here: `talk.mp4` (a drawn face, four seconds), `expert.safetensors` (a small AVAlignNet, untrained),
 * `syncnet_v2.model` (SyncNet at an eighth of its width, untrained).
 */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';

const load = (path) => import(new URL(`../../${path}/dist/index.js`, import.meta.url).href);

export async function makeInputs(folder) {
  const [
    { writeTalkingFace },
    { AVAlignNet, LITE, recipeOf, saveAVAlignNet },
    { SyncNet, saveSyncNetwork },
    { selectBackend },
  ] = await Promise.all(
    ['examples/embedded-data', 'packages/avalignnet', 'packages/syncnet', 'packages/backends'].map(load),
  );
  await selectBackend({ backend: 'wasm', log: () => {} });
  await writeTalkingFace(join(folder, 'talk.mp4'), { seed: 1, personSeed: 1, durationSec: 4 });
  const expert = new AVAlignNet(LITE, { seed: 1, recipe: recipeOf(LITE) });
  await writeFile(join(folder, 'expert.safetensors'), await saveAVAlignNet(expert));
  expert.dispose();
  const published = new SyncNet({ seed: 1, width: 0.125 });
  await writeFile(join(folder, 'syncnet_v2.model'), await saveSyncNetwork(published));
  published.dispose();
}
