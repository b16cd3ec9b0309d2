/** What must be in a package's manifest and tarball, and what must not. */
import { execFileSync } from 'node:child_process';
import { statSync } from 'node:fs';
import { withRepository } from './name-repository.mjs';

/** Files that no entry of package.json points to, but without which a package does nothing. */
const DATA = {
  '@lipsync/face-crop': ['tiny_face_detector_model', 'face_landmark_68_model', 'face_recognition_model']
    .flatMap((name) => [`${name}.bin`, `${name}-weights_manifest.json`])
    .concat('terms-face-api.txt', 'NOTICE')
    .map((file) => `dist/models/${file}`),
  '@lipsync/mediapipe-weights': ['blazeface.json', 'blazeface.bin', 'facemesh.json', 'facemesh.bin']
    .concat('terms-human.txt', 'terms-mediapipe.txt', 'NOTICE')
    .map((file) => `dist/models/${file}`),
  '@lipsync/pretrained': ['expert.safetensors', 'expert.visual.onnx', 'expert.audio.onnx', 'NOTICE']
    .map((file) => `data/${file}`)
    .concat('dist/model-card.md'),
};

/** Largest size of a tarball, KB: about a third above what it had when it was last looked at. */
const BUDGET_KB = {
  'accelerator-onednn': 40,
  'audio-mel': 230,
  avalignnet: 140,
  backends: 800, // with the wasm files of tfjs
  checkpoints: 220,
  cli: 900,
  contracts: 90,
  dataloader: 780,
  dinet: 110,
  dub: 70,
  'face-crop': 6400, // 4.3 MB of it the descriptor network of faces
  latents: 60,
  media: 450,
  'mediapipe-weights': 2280,
  metrics: 460,
  nn: 270,
  onnx: 170,
  portraits: 330,
  pretrained: 16500, // the size of its files: trained weights hardly compress
  'reference-generator': 170,
  score: 250,
  'sync-windows': 150,
  syncnet: 80,
  train: 500,
  wav2lip: 90,
};

/**
 * @param directory of the package, such as `packages/score`. @param tarball its path.
 * @returns what does not hold, a line each, and the size of the tarball in bytes.
 */
export function checkTarball(manifest, directory, tarball) {
  // What pnpm prints leaves out the licence that it takes from the root.
  const listed = execFileSync('tar', ['-tzf', tarball], { encoding: 'utf8' }).trim().split('\n');
  const files = new Set(listed.map((path) => path.replace(/^package\//, '')));
  const bytes = statSync(tarball).size;
  const read = (path) =>
    execFileSync('tar', ['-xzOf', tarball, `package/${path}`], { encoding: 'utf8', maxBuffer: 2 ** 28 });
  const problems = [
    ...manifestProblems(manifest, directory),
    ...fileProblems(manifest, files),
    ...sourceMapProblems(files, read),
    ...rangeProblems(JSON.parse(read('package.json'))),
  ];
  const budget = BUDGET_KB[manifest.name.slice('@lipsync/'.length)];
  if (!(bytes <= budget * 1000))
    problems.push(`the tarball must have at most ${budget} KB (BUDGET_KB), got ${Math.ceil(bytes / 1000)} KB`);
  return { problems, files, bytes };
}

function manifestProblems(manifest, directory) {
  const { license, description, keywords, engines, sideEffects, publishConfig } = manifest;
  const problems = [];
  if (license !== 'Apache-2.0') problems.push(`license must be Apache-2.0, got ${license}`);
  if (!description) problems.push('package.json must have a description');
  if (!keywords?.includes('lip-sync')) problems.push('keywords must hold lip-sync');
  if (engines?.node !== '>=20') problems.push(`engines.node must be >=20, got ${engines?.node}`);
  if (sideEffects !== false && !Array.isArray(sideEffects))
    problems.push('sideEffects must be false, or the list of programs');
  if (publishConfig?.access !== 'public') problems.push('publishConfig.access must be public');
  // The address is written before a release; where it stands already it must be whole.
  const { url = 'https://example.com/owner/name' } = manifest.repository ?? {};
  const named = withRepository(manifest, url.replace(/^git\+/, ''), directory);
  if (named.repository.directory !== directory) problems.push(`repository.directory must be ${directory}`);
  for (const key of ['homepage', 'repository', 'bugs']) {
    if (manifest.repository && JSON.stringify(manifest[key]) !== JSON.stringify(named[key]))
      problems.push(`${key} must be as scripts/packages/name-repository.mjs writes it`);
    if (!manifest.repository && manifest[key]) problems.push(`${key} must stand beside repository`);
  }
  return problems;
}

function fileProblems({ name, types, sideEffects, exports = {} }, files) {
  const problems = [];
  for (const file of ['LICENSE', 'README.md', 'package.json', ...(DATA[name] ?? [])])
    if (!files.has(file)) problems.push(`the tarball must hold ${file}`);
  // Every file that package.json points to, types first.
  const targets = (entry) => (typeof entry === 'string' ? [entry] : Object.values(entry).flatMap(targets));
  const programs = Array.isArray(sideEffects) ? sideEffects : [];
  if (!types) problems.push('package.json must name the types');
  for (const target of [types, ...targets(exports), ...programs].filter(Boolean)) {
    const path = target.replace(/^\.\//, '');
    const [start, end] = path.split('*');
    const holds =
      end === undefined ? files.has(path) : [...files].some((file) => file.startsWith(start) && file.endsWith(end));
    if (!holds) problems.push(`the tarball must hold ${path}, to which package.json points`);
  }
  if (!targets(exports).some((target) => /\.d\.c?ts$/.test(target))) problems.push('exports must name types');
  for (const file of files) {
    if (/\.test\.|(^|\/)testing\//.test(file)) problems.push(`the tarball must not hold ${file}`);
    if (/-(worker|program)\.c?js$/.test(file) && !programs.includes(`./${file}`))
      problems.push(`sideEffects must name ${file}: a bundler would drop a program that nothing is imported from`);
  }
  return problems;
}

/**
 * What callers install beside the package: other packages of this repository in ranges, never by the names that pnpm gives them here. The accelerator's
 * packages for platforms, which a release adds, are the exception: a compiled module fits one version.
 */
function rangeProblems({ dependencies = {}, peerDependencies = {}, optionalDependencies = {} }) {
  return Object.entries({ ...dependencies, ...peerDependencies, ...optionalDependencies })
    .filter(([name]) => !(name in optionalDependencies && /^@lipsync\/accelerator-onednn-/.test(name)))
    .filter(([name, range]) => range.includes(':') || (name.startsWith('@lipsync/') && !/^(\^\d|0\.x$)/.test(range)))
    .map(([name, range]) => `the packed manifest must take ${name} in a range that npm knows, got ${range}`);
}

/** Sources are not packed: a map holds their text, or a debugger shows nothing. Maps of types lead to sources only. */
function sourceMapProblems(files, read) {
  return [...files].flatMap((file) => {
    if (/\.d\.c?ts\.map$/.test(file)) return [`the tarball must not hold ${file}, which points to sources`];
    if (!file.endsWith('.map')) return [];
    const { sources, sourcesContent = [] } = JSON.parse(read(file));
    const missing = sources.filter((_, i) => typeof sourcesContent[i] !== 'string');
    return missing.length === 0 ? [] : [`${file} must hold the text of its sources, of ${missing[0]} it does not`];
  });
}
