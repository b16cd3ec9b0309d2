// All benchmarks, one after the other; each is skipped, with its reason, where its data or PyTorch is missing.
//
//     pnpm bench [--only networks,features] [--quick] [--out FOLDER] [--clips STORE]
//
// Tables go to the terminal, JSON to FOLDER/NAME.json (default bench/results). --quick takes one round of each: only to see that they run.
// The loader's needs a store that `lipsync prepare` made.
// Nothing else should run meanwhile: the load is written beside every figure.
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { cpus, loadavg, totalmem } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const here = fileURLToPath(new URL('.', import.meta.url));
const { values } = parseArgs({
  options: {
    only: { type: 'string' },
    quick: { type: 'boolean', default: false },
    out: { type: 'string', default: join(here, 'results') },
    clips: { type: 'string' },
  },
  allowPositionals: true, // a lone -- in front, as npm and pnpm leave it
});

/** Each with what --quick adds. */
const BENCHES = {
  networks: ['--rounds', '1', '--steps', '1'],
  onnx: ['--rounds', '1'],
  'data-parallel': ['--rounds', '1', '--steps', '1'],
  features: ['--rounds', '1', '--hours', '0.1'],
  loader: ['--rounds', '1'],
  score: ['--runs', '1', '--python-frames', '20'],
  scaling: ['--minutes', '1'],
};
const FILES = { onnx: 'onnx-inference', loader: 'dataloader-windows' };
const MORE = { loader: values.clips ? ['--clips', values.clips] : [] };
const wanted = values.only?.split(',') ?? Object.keys(BENCHES);
for (const name of wanted)
  if (!(name in BENCHES)) throw new Error(`bench: --only must name ${Object.keys(BENCHES).join(', ')}, got ${name}`);

mkdirSync(values.out, { recursive: true });
const commit = execFileSync('git', ['rev-parse', '--short', 'HEAD'], { encoding: 'utf8', cwd: here }).trim();
const machine = {
  commit,
  date: new Date().toISOString(),
  node: process.version,
  processors: `${cpus().length} x ${cpus()[0].model}`,
  memoryGiB: Math.round(totalmem() / 2 ** 30),
};
console.log(Object.values(machine).join(', '));
let failed = false;
for (const name of wanted) {
  if (name === 'loader' && !values.clips) {
    console.log('\n--- loader: skipped, it needs prepared clips (--clips)');
    continue;
  }
  console.log(`\n--- ${name}, load ${loadavg()[0].toFixed(1)}`);
  const file = join(here, `${FILES[name] ?? name}.mjs`);
  const { status, stdout } = spawnSync(
    process.execPath,
    [file, '--json', ...(MORE[name] ?? []), ...(values.quick ? BENCHES[name] : [])],
    { stdio: ['ignore', 'pipe', 'inherit'], encoding: 'utf8', maxBuffer: 2 ** 28 },
  );
  let result;
  try {
    result = JSON.parse(stdout.slice(stdout.search(/^[[{]/m)));
  } catch {
    // Not JSON: it said why it skipped.
  }
  if (result === undefined) console.log(stdout.trim());
  else {
    writeFileSync(join(values.out, `${name}.json`), `${JSON.stringify({ machine, result }, null, 2)}\n`);
    show(result);
  }
  failed ||= status !== 0;
}
process.exit(failed ? 1 : 0);

/** Lists of objects as tables, the rest as lines. */
function show(value, name = '') {
  if (Array.isArray(value) && value.every((row) => typeof row === 'object')) return console.table(value.map(flat));
  if (typeof value === 'object' && value !== null)
    return Object.entries(value).forEach(([key, part]) => show(part, name ? `${name}.${key}` : key));
  console.log(`${name}: ${typeof value === 'number' ? Number(value.toPrecision(4)) : value}`);
}

function flat(row) {
  return Object.fromEntries(
    Object.entries(row).map(([key, value]) => [
      key,
      typeof value === 'number'
        ? Number(value.toPrecision(4))
        : typeof value === 'object'
          ? JSON.stringify(value)
          : value,
    ]),
  );
}
