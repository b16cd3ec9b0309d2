/**
 * The shape of the repository in numbers, and the limits that it keeps:
 *
 *     node scripts/house-figures.mjs [FOLDER] [--list]
 *
 * Limits: at most 12 entries at the top of a package's `src/`; functions of at most 80 lines, counted from their first line to the closing brace,
 * except parsers and kernels, whose length is that of a format or of a formula; outside `cli` no command and no flag is named in a library; no
 * assignment `[a.b] = …` to properties, which the minifier of Next.js breaks.
 * Duplicates are runs of at least six equal lines, counted without indentation, imports and lines of brackets only; tests and bench count too.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { parseArgs } from 'node:util';
import ts from 'typescript';

const MOST_ENTRIES = 12;
const MOST_LINES = 80;
const DUPLICATE_LINES = 6;
/** Functions as long as the format that they read, or the formula that they unroll. */
const PARSERS_AND_KERNELS = [
  /\/checkpoints\/src\/(torch|safetensors|zip|npy)\//,
  /\/audio-mel\/src\/(spectrum|mel\/spectrum|wav)\//,
  /\/backends\/src\/(wasm|webgpu)\//,
  /\/backends\/simd\//,
];
/** What a command or a flag looks like in code, comments and messages of a library. */
const COMMANDS = [
  /(?<![\w@/.-])lipsync (score|prepare|train|evaluate|dub|weights|report|data|features|accelerate)\b/,
  /(?<![\w-])--[a-z][a-z-]+\b/,
  /\bUsageError\b/,
];
/** Flags of other programs: ffmpeg, compilers and Node. */
const FOREIGN_FLAGS =
  /--(experimental-[a-z-]+|allow-natives|no-warnings|input-type|expose-gc|max-old-space-size|version|cflags)\b/g;
/** swc (Next.js 16.4) takes a property that is only written like this for a constant, https://github.com/swc-project/swc/issues/12397. */
const DESTRUCTURED_PROPERTY = /^\s*\[[^\]=]*(?<![\w.#])(?!this\.)[a-z]\w*\.[^\]]*\] = /;

const { values, positionals } = parseArgs({ allowPositionals: true, options: { list: { type: 'boolean' } } });
const root = positionals[0] ?? '.';

function below(folder) {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    if (['node_modules', 'dist', 'build', 'fixtures', '.turbo'].includes(entry.name)) return [];
    const path = join(folder, entry.name);
    return entry.isDirectory() ? below(path) : [path];
  });
}

const names = readdirSync(join(root, 'packages'));
const files = ['packages', 'examples']
  .flatMap((folder) => below(join(root, folder)))
  .filter((path) => path.endsWith('.ts') && !path.endsWith('.d.ts'))
  .map((path) => ({ path: relative(root, path).replaceAll('\\', '/'), text: readFileSync(path, 'utf8') }));
const isTest = ({ path }) => /\.test\.ts$|\/testing\/|\/bench\//.test(path);
const sources = files.filter((file) => /\/src\//.test(file.path) && !isTest(file));

const linesOf = ({ text }) => text.split('\n').length - 1;
const lengths = sources.map(linesOf).sort((a, b) => a - b);
const longestFile = sources.reduce((longest, file) => (linesOf(file) > linesOf(longest) ? file : longest));
const problems = [];

const entries = names.map((name) => ({ name, count: readdirSync(join(root, 'packages', name, 'src')).length }));
for (const { name, count } of entries)
  if (count > MOST_ENTRIES)
    problems.push(`packages/${name}/src has ${count} entries, at most ${MOST_ENTRIES} may stand there`);

const functions = sources.flatMap(functionsOf).sort((a, b) => b.lines - a.lines);
const long = functions.filter(
  ({ path, lines }) => lines > MOST_LINES && !PARSERS_AND_KERNELS.some((rule) => rule.test(`/${path}`)),
);
for (const { path, line, name, lines } of long)
  problems.push(`${path}:${line}: ${name} has ${lines} lines, at most ${MOST_LINES} are read with ease`);

for (const { path, text } of sources) {
  if (!path.startsWith('packages/') || path.startsWith('packages/cli/')) continue;
  text.split('\n').forEach((line, i) => {
    if (DESTRUCTURED_PROPERTY.test(line))
      problems.push(`${path}:${i + 1}: properties must be assigned one by one, got ${line.trim()}`);
    const own = line.replaceAll(FOREIGN_FLAGS, '');
    const found = COMMANDS.map((rule) => rule.exec(own)?.[0]).find(Boolean);
    if (found) problems.push(`${path}:${i + 1}: a library must not name ${found.trim()}`);
  });
}

const { groups, repeated } = duplicates(files);
console.log(`packages: ${names.length}`);
console.log(`files: ${files.length}, of them ${sources.length} sources without tests`);
console.log(
  `lines: ${files.reduce((sum, file) => sum + linesOf(file), 0)}, of them ${lengths.reduce((sum, length) => sum + length, 0)} in sources`,
);
console.log(
  `lines of a source: median ${lengths[lengths.length >> 1]}, longest ${linesOf(longestFile)} (${longestFile.path})`,
);
console.log(`entries at the top of src: ${entries.map(({ name, count }) => `${name} ${count}`).join(', ')}`);
console.log(
  `functions over ${MOST_LINES} lines: ${functions.filter(({ lines }) => lines > MOST_LINES).length}, of them ${long.length} outside parsers and kernels`,
);
console.log(
  `functions over 60 lines: ${functions.filter(({ lines }) => lines > 60).length}; longest: ${functions
    .slice(0, 3)
    .map(({ name, lines }) => `${name} ${lines}`)
    .join(', ')}`,
);
console.log(`duplicates of at least ${DUPLICATE_LINES} lines: ${groups.length} groups, ${repeated} lines`);
if (values.list) for (const group of groups) console.log(`  ${group.lines} lines: ${group.places.join(', ')}`);
for (const problem of problems) console.error(`house: ${problem}`);
console.log(`house: ${problems.length} problems`);
process.exit(problems.length === 0 ? 0 : 1);

function functionsOf({ path, text }) {
  const source = ts.createSourceFile(path, text, ts.ScriptTarget.ES2022, true);
  const found = [];
  const lineOf = (position) => source.getLineAndCharacterOfPosition(position).line + 1;
  const visit = (node) => {
    if (ts.isFunctionLike(node) && node.body) {
      const [line, last] = [lineOf(node.getStart(source)), lineOf(node.end)];
      const name =
        node.name?.getText(source) ??
        node.parent?.name?.getText?.(source) ??
        (ts.isConstructorDeclaration(node) ? 'constructor' : 'function');
      found.push({ path, line, name, lines: last - line + 1 });
    }
    ts.forEachChild(node, visit);
  };
  visit(source);
  return found;
}

/** Runs of equal lines in two places, each reported once, at its full length. */
function duplicates(all) {
  const rows = all.map(({ path, text }) => ({
    path,
    lines: text
      .split('\n')
      .map((line, i) => ({ text: line.trim(), number: i + 1 }))
      .filter(({ text }) => text !== '' && !/^(import\b|export \{|\} from|[\]})({[;,]+$|\/\/|\*|\/\*)/.test(text)),
  }));
  const places = new Map();
  rows.forEach(({ lines }, file) => {
    for (let at = 0; at + DUPLICATE_LINES <= lines.length; at++) {
      const key = lines
        .slice(at, at + DUPLICATE_LINES)
        .map(({ text }) => text)
        .join('\n');
      places.set(key, [...(places.get(key) ?? []), [file, at]]);
    }
  });
  const groups = [];
  let repeated = 0;
  const covered = new Set();
  for (const found of places.values()) {
    if (found.length < 2) continue;
    const [[file, at], ...others] = found;
    if (covered.has(`${file} ${at}`)) continue;
    let length = DUPLICATE_LINES;
    const row = (place, offset) => rows[place[0]].lines[place[1] + offset]?.text;
    while (
      row([file, at], length) !== undefined &&
      others.every((other) => row(other, length) === row([file, at], length))
    )
      length++;
    for (const [theirFile, theirAt] of found)
      for (let i = 0; i + DUPLICATE_LINES <= length; i++) covered.add(`${theirFile} ${theirAt + i}`);
    groups.push({ lines: length, places: found.map(([f, i]) => `${rows[f].path}:${rows[f].lines[i].number}`) });
    repeated += length * others.length;
  }
  return { groups: groups.sort((a, b) => b.lines - a.lines), repeated };
}
