import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type TransformersModule, WAV2VEC2_LABELS, writeWav } from '@lipsync/audio-mel';
import { parseNpyLogits } from '@lipsync/dataloader';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { runLipsync } from '../terminal/run-lipsync';
import { captureOutput } from '../testing/capture-output';
import { writeFeatures } from './features-command';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'features-'));
  const samples = Float32Array.from({ length: 32000 }, (_, i) => Math.sin(i / 20) / 2);
  await writeFile(join(folder, 'a.wav'), writeWav({ samples, sampleRate: 16000 }));
});
afterEach(() => rm(folder, { recursive: true }));

/** A model whose row r, column c is r + 100 c; records where it was looked for. */
function mock(sources: string[]): TransformersModule {
  const model = async ({ input_values }: Record<string, unknown>) => {
    const rows = Math.floor(((input_values as { length: number }).length - 400) / 320) + 1;
    return {
      logits: {
        data: Float32Array.from({ length: rows * 32 }, (_, i) => Math.floor(i / 32) + 100 * (i % 32)),
        dims: [1, rows, 32],
      },
    };
  };
  const from = (what: unknown) => ({
    from_pretrained: async (source: string) => {
      sources.push(source);
      return what;
    },
  });
  return {
    AutoModelForCTC: from(Object.assign(model, { dispose: async () => undefined })),
    AutoTokenizer: from({ get_vocab: () => new Map(WAV2VEC2_LABELS.map((label, i) => [label, i])) }),
    AutoFeatureExtractor: from({ config: {} }),
    Tensor: class {
      length: number;
      constructor(_: string, data: Float32Array) {
        this.length = data.length;
      }
    },
  } as unknown as TransformersModule;
}

test('writeFeatures writes what parseNpyLogits reads, of a folder or an id', async () => {
  const sources: string[] = [];
  const out = join(folder, 'a.npy');
  expect(await writeFeatures(join(folder, 'a.wav'), out, { model: folder, transformers: mock(sources) })).toEqual({
    steps: 50,
    labels: 29,
  });
  const { data, steps } = parseNpyLogits(await readFile(out), { durationSec: 2 });
  expect([steps, data[29] - data[0], data[28]]).toEqual([50, 2, 0]);
  await writeFeatures(join(folder, 'a.wav'), out, { model: 'facebook/none', transformers: mock(sources) });
  expect(sources).toEqual([folder, folder, folder, 'facebook/none', 'facebook/none', 'facebook/none']);
});

test.each([
  [['a.wav', '--model', 'm'], "missing required argument 'out'"],
  [['a.wav', 'b.npy'], "required option '--model <dir>' not specified"],
])('lipsync features %j is a usage error', async (words, message) => {
  const output = captureOutput();
  expect(await runLipsync(['features', ...words])).toBe(2);
  expect(output.err).toContain(message);
  output.restore();
});

/** See scripts/check-ctc.mjs. */
const installed = resolve(
  process.env.LIPSYNC_TRANSFORMERS ?? 'node_modules/.cache/lipsync-transformers',
  'package.json',
);
const there = existsSync(join(installed, '../node_modules/@huggingface/transformers'));

test.skipIf(!there)(
  `transformers.js takes a WAV file${there ? '' : ' (skipped: it is not installed, see scripts/check-ctc.mjs)'}`,
  async () => {
    const transformers = createRequire(installed)('@huggingface/transformers') as TransformersModule;
    const model = fileURLToPath(new URL('../../../audio-mel/fixtures/tiny-ctc', import.meta.url));
    const out = join(folder, 'a.npy');
    expect(await writeFeatures(join(folder, 'a.wav'), out, { model, transformers })).toEqual({ steps: 50, labels: 29 });
    expect(new Set(parseNpyLogits(await readFile(out)).data).size).toBeGreaterThan(100);
  },
);
