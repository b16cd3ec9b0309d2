/**
 * Feeds mutated files to the parsers of files from elsewhere: `node scripts/fuzz.mjs [--files 100000] [--seed 1] [--parser torch|safetensors|npy|wav]`.
 *
 * A finding is an error that is not one of ours (no `where:` in front), a file that takes longer than 2 s or stops the parser, and memory that
 * grows by more than 400 MB. Each is printed with seed and number, so that the same line finds it again. Needs the built packages.
 */
import { readFileSync, readdirSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';

const torch = new URL('../packages/nn/fixtures/torch/', import.meta.url);
const SLOW_MS = 2000;
const HUNG_MS = 20_000;
const GROWTH_BYTES = 400 * 2 ** 20;
/** What an error of ours begins with: the function, maybe the file, then the argument. */
const OURS = /^[A-Za-z.]+: /;

async function parsers() {
  const { openCheckpoint, decodeNpy, encodeSafetensors } = await import('../packages/nn/dist/index.js');
  const { readWav, writeWav } = await import('../packages/audio-mel/dist/index.js');
  const files = (ending) => readdirSync(torch).filter((name) => name.endsWith(ending)).sort().map((name) => new Uint8Array(readFileSync(new URL(name, torch))));
  const readAll = async (bytes) => {
    const file = await openCheckpoint(bytes);
    for (const name of file.tensors.keys()) await file.read(name);
    await file.close();
  };
  const tensor = (length) => ({ dtype: 'float32', shape: [length], data: new Float32Array(length).fill(0.5) });
  const sound = { samples: Float32Array.from({ length: 200 }, (_, i) => Math.sin(i)), sampleRate: 16000 };
  return {
    torch: { seeds: [...files('.pth'), ...files('.pt')], run: readAll },
    safetensors: {
      seeds: [encodeSafetensors(new Map([['a', tensor(4)], ['b.c', tensor(2)]]), { recipe: '{}' }), encodeSafetensors(new Map())],
      run: readAll,
    },
    npy: { seeds: files('.npy'), run: async (bytes) => void decodeNpy(bytes) },
    wav: { seeds: ['pcm16', 'float32'].map((format) => writeWav(sound, { format })), run: async (bytes) => void readWav(bytes) },
  };
}

/** A generator of 32-bit numbers (xorshift), the same for the same seed. */
function random(seed) {
  let state = (seed * 2654435761 + 1) >>> 0 || 1;
  return (below) => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) % below;
  };
}

const EXTREMES = [0, 1, 0x7f, 0x80, 0xff];
const LENGTHS = [0n, 1n, 0xffn, 0xffffn, 0x7fffffffn, 0xffffffffn, 0x7fffffffffffffffn, 0xffffffffffffffffn];
const OPCODES = [...'NKJMGXUT(tR)]}aesu0.2hqjrbcQP'].map((letter) => letter.charCodeAt(0)).concat(0x80, 0x81, 0x85, 0x86, 0x87, 0x88, 0x8a, 0x8b, 0x8c, 0x8e, 0x93, 0x94, 0x95);

function mutate(seeds, next) {
  let bytes = seeds[next(seeds.length)].slice();
  for (let times = 1 + next(6); times > 0 && bytes.length > 0; times--) {
    const at = next(bytes.length);
    const view = new DataView(bytes.buffer);
    switch (next(8)) {
      case 0:
        bytes[at] ^= 1 << next(8);
        break;
      case 1:
        bytes[at] = EXTREMES[next(EXTREMES.length)];
        break;
      case 2:
        bytes[at] = OPCODES[next(OPCODES.length)];
        break;
      case 3: // a length of four or eight bytes
        if (at + 8 <= bytes.length) {
          const value = LENGTHS[next(LENGTHS.length)];
          if (next(2)) view.setBigUint64(at, value, true);
          else view.setUint32(at, Number(value & 0xffffffffn), true);
        }
        break;
      case 4:
        bytes = bytes.slice(0, at);
        break;
      case 5: {
        const other = seeds[next(seeds.length)];
        const from = next(other.length);
        const piece = other.subarray(from, from + next(64));
        const longer = new Uint8Array(bytes.length + piece.length);
        longer.set(bytes.subarray(0, at));
        longer.set(piece, at);
        longer.set(bytes.subarray(at), at + piece.length);
        bytes = longer;
        break;
      }
      case 6: {
        const end = Math.min(bytes.length, at + 1 + next(32));
        const shorter = new Uint8Array(bytes.length - (end - at));
        shorter.set(bytes.subarray(0, at));
        shorter.set(bytes.subarray(end), at);
        bytes = shorter;
        break;
      }
      default: // digits, where there is text
        if (bytes[at] >= 0x30 && bytes[at] <= 0x39) bytes[at] = 0x30 + next(10);
        else bytes[at] = next(256);
    }
  }
  return bytes;
}

async function work({ parser, files, seed }) {
  const { seeds, run } = (await parsers())[parser];
  for (const bytes of seeds) await run(bytes); // whole files are read
  const idle = process.memoryUsage().rss;
  const counts = { read: 0, refused: 0 };
  let slowest = 0;
  let growth = 0;
  for (let i = 0; i < files; i++) {
    const bytes = mutate(seeds, random(seed * 1_000_003 + i));
    const started = performance.now();
    try {
      await run(bytes);
      counts.read++;
    } catch (error) {
      counts.refused++;
      if (!(error instanceof Error) || !OURS.test(error.message)) parentPort.postMessage({ finding: `file ${i}: ${error?.stack ?? error}` });
    }
    const took = performance.now() - started;
    slowest = Math.max(slowest, took);
    if (took > SLOW_MS) parentPort.postMessage({ finding: `file ${i}: took ${Math.round(took)} ms` });
    if (i % 256 === 0) {
      growth = Math.max(growth, process.memoryUsage().rss - idle);
      if (growth > GROWTH_BYTES) {
        parentPort.postMessage({ finding: `file ${i}: memory grew by ${Math.round(growth / 2 ** 20)} MB` });
        break;
      }
      parentPort.postMessage({ at: i });
    }
  }
  parentPort.postMessage({ done: { ...counts, slowestMs: Math.round(slowest), growthMb: Math.round(growth / 2 ** 20) } });
}

function watch(parser, files, seed) {
  return new Promise((resolve) => {
    const worker = new Worker(new URL(import.meta.url), { workerData: { parser, files, seed } });
    const findings = [];
    let at = 0;
    let heard = Date.now();
    const finish = (done) => {
      clearInterval(timer);
      void worker.terminate();
      resolve({ findings, done });
    };
    const timer = setInterval(() => {
      if (Date.now() - heard < HUNG_MS) return;
      findings.push(`one of the files ${at} to ${at + 256}: no answer for ${HUNG_MS / 1000} s`);
      finish(undefined);
    }, 1000);
    worker.on('message', (message) => {
      heard = Date.now();
      if (message.finding) findings.push(message.finding);
      if (message.at !== undefined) at = message.at;
      if (message.done) finish(message.done);
    });
    worker.on('error', (error) => {
      findings.push(`one of the files ${at} to ${at + 256}: ${error.stack}`);
      finish(undefined);
    });
  });
}

if (isMainThread) {
  const { values } = parseArgs({ options: { files: { type: 'string', default: '100000' }, seed: { type: 'string', default: '1' }, parser: { type: 'string' } } });
  let failed = false;
  for (const parser of values.parser ? [values.parser] : ['torch', 'safetensors', 'npy', 'wav']) {
    const { findings, done } = await watch(parser, Number(values.files), Number(values.seed));
    const told = done ? `${done.read} read, ${done.refused} refused, slowest ${done.slowestMs} ms, memory grew by ${done.growthMb} MB` : 'stopped';
    console.log(`fuzz: ${parser}: ${values.files} files, seed ${values.seed}: ${told}; ${findings.length} findings`);
    for (const finding of findings.slice(0, 10)) console.log(`  ${finding}`);
    failed ||= findings.length > 0 || !done;
  }
  if (failed) process.exit(1);
} else {
  await work(workerData);
}
