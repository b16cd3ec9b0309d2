/**
 * Feeds mutated files to the parsers of files from elsewhere: `node scripts/fuzz.mjs [--files 100000] [--seed 1] [--parser torch|safetensors|npy|wav]`.
 *
 * Files are changed blindly (bits, bytes, lengths, cuts, splices) and by their structure: opcodes of a pickle are left out, doubled, swapped and
 * falsified, archives are put together again with the right checksums, words of headers are replaced.
 *
 * A finding is an error that is not one of ours (no `where:` in front), a file that takes longer than 2 s or stops the parser, and a process that
 * grows by more than 400 MB. Each is printed with its number: the same line with `--only NUMBER` feeds that file alone and shows what it brings.
 * Needs the built packages.
 */
import { fork } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { mutate, mutateText, random } from './fuzz/mutate.mjs';
import { mutatePickles } from './fuzz/mutate-pickle.mjs';
import { unzip, zip } from './fuzz/zip.mjs';

const PARSERS = ['torch', 'safetensors', 'npy', 'wav'];
const SLOW_MS = 2000;
const HUNG_MS = 20_000;
const GROWTH_BYTES = 400 * 2 ** 20;
/** What an error of ours begins with: the function, maybe the file, then the argument. */
const OURS = /^[A-Za-z]+(\.[a-z]+)?: /;

/** Seeds of a parser, how a file is made of them, and what reads it. */
async function parserOf(name) {
  const { openCheckpoint, decodeNpy, decodeSafetensors, encodeSafetensors } = await import(
    '../packages/checkpoints/dist/index.js'
  );
  const torch = new URL('../packages/checkpoints/fixtures/torch/', import.meta.url);
  const files = (ending) =>
    readdirSync(torch)
      .filter((file) => ending.test(file))
      .sort()
      .map((file) => new Uint8Array(readFileSync(new URL(file, torch))));
  const readAll = async (bytes) => {
    const file = await openCheckpoint(bytes);
    for (const tensor of file.tensors.keys()) await file.read(tensor);
    await file.close();
  };
  if (name === 'torch') {
    const seeds = files(/\.(pth|pt)$/);
    const archives = seeds.map((bytes) => (bytes[0] === 0x50 ? unzip(bytes) : undefined));
    const make = (next) => {
      const i = next(seeds.length);
      if (next(3) === 0) return mutate(seeds[i], seeds, next);
      if (!archives[i]) return mutatePickles(seeds[i], next);
      const changed = archives[i].map(([entry, bytes]) => {
        if (/(data|constants)\.pkl$/.test(entry)) return [entry, mutatePickles(bytes, next)];
        return [entry, next(8) ? bytes : mutate(bytes, [bytes], next)];
      });
      return zip(changed);
    };
    return { seeds, make, run: readAll };
  }
  if (name === 'safetensors') {
    const tensor = (dtype, shape, data) => ({ dtype, shape, data });
    const fixture = JSON.parse(
      readFileSync(new URL('../packages/checkpoints/fixtures/safetensors.json', import.meta.url), 'utf8'),
    );
    const seeds = [
      new Uint8Array(Buffer.from(fixture.bytes, 'base64')),
      encodeSafetensors(
        new Map([
          ['a', tensor('float32', [4], new Float32Array(4))],
          ['b.c', tensor('int64', [1, 2], new BigInt64Array(2))],
        ]),
        { recipe: '{"a":1}' },
      ),
      encodeSafetensors(new Map()),
    ];
    const make = (next) => {
      const seed = seeds[next(seeds.length)];
      if (next(2)) return mutate(seed, seeds, next);
      const length = Number(new DataView(seed.buffer, seed.byteOffset).getBigUint64(0, true));
      const header = mutateText(seed.subarray(8, 8 + length), next);
      const bytes = new Uint8Array(seed.length - length + header.length);
      bytes.set(seed.subarray(0, 8));
      if (next(8)) new DataView(bytes.buffer).setBigUint64(0, BigInt(header.length), true);
      bytes.set(header, 8);
      bytes.set(seed.subarray(8 + length), 8 + header.length);
      return bytes;
    };
    const run = async (bytes) => {
      if (bytes.length % 2) decodeSafetensors(bytes);
      else await readAll(bytes);
    };
    return { seeds, make, run };
  }
  if (name === 'npy') {
    const seeds = files(/\.npy$/);
    const archives = files(/\.npz$/);
    const entries = archives.map(unzip).filter((archive) => archive.every(([, , method]) => method === 0));
    const make = (next) => {
      if (next(4) === 0) return mutate(archives[next(archives.length)], archives, next);
      const change = (bytes) =>
        next(2) ? mutateText(bytes.subarray(0, 128), next, bytes.subarray(128)) : mutate(bytes, seeds, next);
      if (next(3) === 0) return zip(entries[next(entries.length)].map(([file, bytes]) => [file, change(bytes)]));
      return change(seeds[next(seeds.length)]);
    };
    const run = async (bytes) => {
      if (bytes[0] === 0x93 && bytes.length % 2) decodeNpy(bytes);
      else await readAll(bytes);
    };
    return { seeds: [...seeds, ...archives], make, run };
  }
  const { readWav } = await import('../packages/audio-mel/dist/index.js');
  const { cases } = JSON.parse(
    readFileSync(new URL('../packages/audio-mel/fixtures/wav.json', import.meta.url), 'utf8'),
  );
  const seeds = cases.map(({ file }) => new Uint8Array(Buffer.from(file, 'base64')));
  const run = async (bytes) => {
    const options = bytes.length % 2 ? { truncated: 'read' } : {};
    const { channels, sampleRate } = readWav(bytes, options);
    const values = channels.reduce((sum, { length }) => sum + length, 0);
    // More samples than bytes, channels of several lengths or a rate of none would be worse than an error.
    if (values > bytes.length || channels.some(({ length }) => length !== channels[0].length) || !(sampleRate > 0))
      throw new TypeError('an audio track that the file does not hold');
  };
  return { seeds, make: (next) => mutate(seeds[next(seeds.length)], seeds, next), run };
}

/** The most memory that this process ever had. Its own count where there is one: the system's begins with the parent's. */
function mostMemory() {
  try {
    return 1024 * Number(/VmHWM:\s+(\d+)/.exec(readFileSync('/proc/self/status', 'utf8'))[1]);
  } catch {
    return 1024 * process.resourceUsage().maxRSS;
  }
}

async function work({ parser, files, seed, only }) {
  const { seeds, make, run } = await parserOf(parser);
  for (const bytes of seeds) await run(bytes).catch((error) => checkOurs(error, 'a seed'));
  const fileOf = (i) => make(random(seed * 1_000_003 + i));
  if (only !== undefined) {
    const bytes = fileOf(only);
    console.log(Buffer.from(bytes).toString('base64'));
    await run(bytes).then(
      () => console.log('read'),
      (error) => console.log(error),
    );
    return;
  }
  const idle = mostMemory();
  const counts = { read: 0, refused: 0 };
  let slowest = 0;
  let slowestFile = 0;
  let growth = 0;
  for (let i = 0; i < files; i++) {
    const bytes = fileOf(i);
    const started = performance.now();
    try {
      await run(bytes);
      counts.read++;
    } catch (error) {
      counts.refused++;
      checkOurs(error, `file ${i}`);
    }
    const took = performance.now() - started;
    if (took > slowest) [slowest, slowestFile] = [took, i];
    if (took > SLOW_MS) process.send({ finding: `file ${i}: took ${Math.round(took)} ms` });
    if (i % 256 === 0) {
      growth = mostMemory() - idle;
      if (growth > GROWTH_BYTES) {
        process.send({
          finding: `one of the 256 files before ${i}: memory grew by ${Math.round(growth / 2 ** 20)} MB`,
        });
        break;
      }
      process.send({ at: i });
    }
  }
  process.send({
    done: { ...counts, slowestMs: Math.round(slowest), slowestFile, growthMb: Math.round(growth / 2 ** 20) },
  });
}

function checkOurs(error, which) {
  if (!(error instanceof Error) || !OURS.test(error.message))
    process.send?.({ finding: `${which}: ${error?.stack ?? error}` });
}

function watch(parser, files, seed) {
  return new Promise((resolve) => {
    const child = fork(
      fileURLToPath(import.meta.url),
      ['--worker', '--parser', parser, '--files', String(files), '--seed', String(seed)],
      { stdio: ['ignore', 'inherit', 'pipe', 'ipc'] },
    );
    const findings = [];
    let at = 0;
    let heard = Date.now();
    let done;
    let errors = '';
    const timer = setInterval(() => {
      if (Date.now() - heard < HUNG_MS) return;
      findings.push(`one of the files ${at} to ${at + 256}: no answer for ${HUNG_MS / 1000} s`);
      child.kill('SIGKILL');
    }, 1000);
    child.stderr.on('data', (text) => {
      errors = (errors + text).slice(-2000);
    });
    child.on('message', (message) => {
      heard = Date.now();
      if (message.finding) findings.push(message.finding);
      if (message.at !== undefined) at = message.at;
      done = message.done ?? done;
    });
    child.on('exit', (status, signal) => {
      clearInterval(timer);
      if (!done && signal !== 'SIGKILL')
        findings.push(`one of the files ${at} to ${at + 256}: ended with ${signal ?? status}\n${errors}`);
      resolve({ findings, done });
    });
  });
}

const options = {
  files: { type: 'string', default: '100000' },
  seed: { type: 'string', default: '1' },
  parser: { type: 'string' },
  only: { type: 'string' },
  worker: { type: 'boolean' },
};
const { values } = parseArgs({ options });
const job = { files: Number(values.files), seed: Number(values.seed) };
if (values.parser !== undefined && !PARSERS.includes(values.parser))
  throw new Error(`fuzz: --parser must be one of ${PARSERS.join(', ')}, got ${values.parser}`);
if (values.worker || values.only !== undefined) {
  await work({
    ...job,
    parser: values.parser ?? 'torch',
    only: values.only === undefined ? undefined : Number(values.only),
  });
} else {
  let failed = false;
  for (const parser of values.parser ? [values.parser] : PARSERS) {
    const started = Date.now();
    const { findings, done } = await watch(parser, job.files, job.seed);
    const told = done
      ? `${done.read} read, ${done.refused} refused, slowest ${done.slowestMs} ms (file ${done.slowestFile}), memory grew by ${done.growthMb} MB`
      : 'stopped';
    console.log(
      `fuzz: ${parser}: ${job.files} files, seed ${job.seed}, ${Math.round((Date.now() - started) / 1000)} s: ${told}; ${findings.length} findings`,
    );
    for (const finding of findings.slice(0, 10)) console.log(`  ${finding}`);
    failed ||= findings.length > 0 || !done;
  }
  if (failed) process.exit(1);
}
