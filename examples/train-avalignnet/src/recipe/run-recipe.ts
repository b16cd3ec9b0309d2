import { readFile } from 'node:fs/promises';
import { basename, dirname, extname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { LITE, loadAVAlignNet, recipeOf } from '@lipsync/avalignnet';
import { ClipStore, correctStore, parseClipId } from '@lipsync/dataloader';
import { showProgress } from '@lipsync/embedded-data';
import { type ClipReading, planCorrections, readClips } from '@lipsync/train';
import { readLines } from '../read-lines';
import { showPreparation } from '../show-preparation';
import { showTraining } from '../show-training';
import type { CorrectStage, Recipe, TrainStage } from './recipe';

/**
 * Runs a recipe's stages in order, each into a folder of its name in `out`. It can be stopped at any moment; the same
 * call resumes.
 *
 * @param recipe name of one in `recipes/`, or path of a JSON file.
 */
export async function runRecipe(recipe: string, { data, out }: { data: string; out: string }): Promise<void> {
  const path = extname(recipe) === '.json' ? resolve(recipe) : recipeNamed(recipe);
  const { about, people, heldOut, sets, stages } = JSON.parse(await readFile(path, 'utf8')) as Recipe;
  console.log(about);
  await showPreparation({
    input: data,
    store: join(out, 'clips'),
    recipe: recipeOf(LITE),
    layout: 'flat',
    people: people === undefined ? undefined : JSON.parse(await readFile(join(data, people), 'utf8')),
  });
  const held = await readLines(join(dirname(path), heldOut));
  const expressions = Object.entries(sets).map(([text, set]) => [new RegExp(text), set] as const);
  const setOf = (source: string) => {
    const found = expressions.find(([expression]) => expression.test(stemOf(source)));
    if (!found) throw new Error(`runRecipe: sets must name the set of ${source}, got ${Object.keys(sets).join(', ')}`);
    return found[1];
  };
  for (const stage of stages) {
    console.log(`${stage.kind} ${stage.name}`);
    if (stage.kind === 'train') await trainStage(stage, { out, held });
    else await correctStage(stage, { out, held: new Set(held), setOf });
  }
}

const recipeNamed = (name: string): string => fileURLToPath(new URL(`../recipes/${name}.json`, import.meta.url));

const stemOf = (source: string): string => basename(source, extname(source));

async function trainStage(
  { name, clips = 'clips', init, options }: TrainStage,
  { out, held }: { out: string; held: string[] },
): Promise<void> {
  const store = await ClipStore.open(join(out, clips));
  const from = init === undefined ? {} : { init: join(out, init, 'weights.safetensors') };
  await showTraining({ ...options, ...from, store, heldOut: held, out: join(out, name) });
}

async function correctStage(
  { name, network, rules, zeroFrames }: CorrectStage,
  { out, held, setOf }: { out: string; held: ReadonlySet<string>; setOf: (source: string) => string },
): Promise<void> {
  const store = await ClipStore.open(join(out, 'clips'));
  const ids = await store.list();
  const expert = await loadAVAlignNet(join(out, network, 'weights.safetensors'));
  const progress = showProgress('read offsets', ids.length);
  const readings: ClipReading[] = [];
  for await (const reading of readClips(expert, store, { groupOf: setOf })) {
    readings.push(reading);
    progress.update(readings.length);
  }
  progress.stop();
  expert.dispose();
  const keep = new Set(ids.filter((id) => held.has(stemOf(parseClipId(id).source))));
  const plan = planCorrections(readings, { rules, zeroFrames, keep });
  console.log(`zero at ${plan.zeroFrames.toFixed(2)} frames`);
  for (const [group, { clips, clear, dropped, meanFrames, spreadFrames }] of Object.entries(plan.groups)) {
    const moved = `audio delayed by ${meanFrames.toFixed(2)} frames on average, standard deviation ${spreadFrames.toFixed(2)}`;
    console.log(`${group}: ${clips} clips, ${clear} with a clear offset, ${dropped} dropped, ${moved}`);
  }
  await correctStore(store, join(out, name), { corrections: plan.corrections });
}
