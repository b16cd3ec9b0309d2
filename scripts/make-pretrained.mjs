/**
 * Writes the data of @lipsync/pretrained from a weights file of an AVAlignNet: `data/expert.safetensors` as float16 with the file's metadata,
 * the same network as two ONNX files, and their sizes and hashes in `src/expert-facts.json`. The same input gives the same bytes. Needs the
 * built packages, and a build of the package afterwards.
 *
 *     node scripts/make-pretrained.mjs WEIGHTS [--set KEY=TEXT ...]
 *
 * `--set training=…` adds or replaces an entry of the metadata, such as how the network was trained; `--set training=` removes it.
 */
import { copyFile, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

/** The largest network that is shipped: bytes of the safetensors file. */
const LARGEST = 9e6;
/** All files together. */
const LARGEST_PACKAGE = 30e6;

const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: { set: { type: 'string', multiple: true, default: [] } },
});
if (positionals.length !== 1) {
  console.error('usage: node scripts/make-pretrained.mjs WEIGHTS [--set KEY=TEXT ...]');
  process.exit(2);
}
const root = new URL('../packages/', import.meta.url);
const load = (name) => import(new URL(`${name}/dist/index.js`, root).href);
const [{ selectBackend }, { loadAVAlignNet }, checkpoints, { exportOnnx }] = await Promise.all(
  ['backends', 'avalignnet', 'checkpoints', 'onnx'].map(load),
);
await selectBackend({ backend: 'wasm', threads: 1, log: () => {} });

const folder = await mkdtemp(join(tmpdir(), 'lipsync-pretrained-'));
try {
  const paths = Object.fromEntries(
    ['safetensors', 'visual.onnx', 'audio.onnx'].map((ending) => [
      ending.split('.')[0],
      join(folder, `expert.${ending}`),
    ]),
  );
  await writeHalves(positionals[0], paths.safetensors);
  const expert = await loadAVAlignNet(paths.safetensors);
  if (!expert.hasRecipe) throw new Error(`make-pretrained: ${positionals[0]} must have a recipe in its metadata`);
  const files = await exportOnnx(expert, { float16: true });
  await writeFile(paths.visual, Buffer.concat(files.visual));
  await writeFile(paths.audio, Buffer.concat(files.audio));
  expert.dispose();
  await install(paths);
} finally {
  await rm(folder, { recursive: true });
}

/** The weights as float16 under the names of the network, with the metadata of the file and what `--set` says. */
async function writeHalves(source, path) {
  const file = await checkpoints.openCheckpoint(source);
  try {
    const entries = [...checkpoints.stateDictNames(file)].map(([name, inFile]) => ({
      name,
      ...file.tensors.get(inFile),
      read: () => file.read(inFile),
    }));
    const metadata = new Map(Object.entries({ network: 'avalignnet', ...file.metadata }));
    for (const text of values.set) {
      const [, key, value] = /^([^=]+)=([\s\S]*)$/.exec(text) ?? [];
      if (key === undefined) throw new Error(`make-pretrained: --set must be KEY=TEXT, got ${text}`);
      if (value === '') metadata.delete(key);
      else metadata.set(key, value);
    }
    await checkpoints.writeSafetensorsFile(path, entries, {
      metadata: Object.fromEntries(metadata),
      floats: 'float16',
    });
    if (!metadata.has('training'))
      throw new Error(`make-pretrained: ${source} must say in its metadata how it was trained, or --set training=TEXT`);
    const parameters = entries.reduce((sum, { shape }) => sum + shape.reduce((a, b) => a * b, 1), 0);
    console.log(
      `${source}: ${(parameters / 1e6).toFixed(2)} M parameters; metadata: ${[...metadata.keys()].join(', ')}`,
    );
  } finally {
    await file.close();
  }
}

/** Puts the files into the package, with their facts, if they are small enough. */
async function install(paths) {
  const facts = {};
  for (const [part, path] of Object.entries(paths)) {
    const bytes = await readFile(path);
    facts[part] = { bytes: bytes.length, sha256: await checkpoints.sha256Hex(bytes) };
  }
  const all = Object.values(facts).reduce((sum, { bytes }) => sum + bytes, 0);
  if (facts.safetensors.bytes > LARGEST || all > LARGEST_PACKAGE)
    throw new Error(
      `make-pretrained: weights must have at most ${LARGEST} bytes, and ${LARGEST_PACKAGE} with the ONNX files, got ${facts.safetensors.bytes} and ${all}`,
    );
  for (const path of Object.values(paths))
    await copyFile(path, fileURLToPath(new URL(`pretrained/data/${nameOf(path)}`, root)));
  await writeFile(new URL('pretrained/src/expert-facts.json', root), `${JSON.stringify(facts, null, 2)}\n`);
  for (const [part, { bytes, sha256 }] of Object.entries(facts))
    console.log(`${nameOf(paths[part])}: ${(bytes / 1e6).toFixed(2)} MB, SHA-256 ${sha256}`);
  console.log(
    `together ${(all / 1e6).toFixed(2)} MB; now build the package (cd packages/pretrained && npx tsup), and say in a changeset whose scores move`,
  );
}

function nameOf(path) {
  return path.slice(folder.length + 1);
}
