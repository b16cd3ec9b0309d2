import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { DEEPSPEECH_LABELS, WAV2VEC2_LABELS } from './asr-logits';
import { createCtcFeatures } from './ctc-features';
import type { TransformersModule } from './load-transformers';

const fixture = (name: string) => fileURLToPath(new URL(`../../fixtures/${name}`, import.meta.url));
const made = (length: number) => ({
  samples: Float32Array.from({ length }, (_, i) => Math.sin(i / 90) * (1 + Math.floor(i / 3000))),
  sampleRate: 16000,
});

type Mock = {
  module: TransformersModule;
  asked: [string, string, Record<string, unknown>][];
  lengths: number[];
  masks: number;
  ended: number;
};

/** transformers.js with a model whose row r is the mean of its 400 samples, plus the number of the column. */
function mock({
  step = 320,
  mask = false,
  vocabulary = new Map(WAV2VEC2_LABELS.map((label, i) => [label, i])) as never,
  extractor = {} as object | Error,
} = {}): Mock {
  const found: Mock = { asked: [], lengths: [], masks: 0, ended: 0 } as never;
  class Tensor {
    constructor(
      readonly type: string,
      readonly data: Float32Array,
      readonly dims: number[],
    ) {}
  }
  const run = async ({ input_values, attention_mask }: Record<string, Tensor>) => {
    const { data } = input_values;
    found.lengths.push(data.length);
    found.masks += attention_mask ? 1 : 0;
    const rows = Math.floor((data.length - 400) / step) + 1;
    const logits = new Float32Array(rows * 32);
    for (let row = 0; row < rows; row++) {
      const heard = data.subarray(row * step, row * step + 400).reduce((a, b) => a + b, 0) / 400;
      for (let column = 0; column < 32; column++) logits[row * 32 + column] = heard + column;
    }
    return { logits: { data: logits, dims: [1, rows, 32] } };
  };
  const from = (kind: string, give: () => unknown) => ({
    from_pretrained: async (source: string, options: Record<string, unknown>) => {
      found.asked.push([kind, source, options]);
      const given = give();
      if (given instanceof Error) throw given;
      return given;
    },
  });
  found.module = {
    AutoModelForCTC: from('model', () =>
      Object.assign(run, {
        sessions: { model: { inputNames: ['input_values', ...(mask ? ['attention_mask'] : [])] } },
        dispose: async () => found.ended++,
      }),
    ),
    AutoTokenizer: from('tokenizer', () => ({ get_vocab: () => vocabulary })),
    AutoFeatureExtractor: from('extractor', () => (extractor instanceof Error ? extractor : { config: extractor })),
    Tensor,
  } as unknown as TransformersModule;
  return found;
}

test('createCtcFeatures gives one row per frame in the order of DeepSpeech, from local files', async () => {
  const { module, asked, lengths, masks } = mock();
  const features = await createCtcFeatures({ model: '/models/tiny', transformers: module });
  expect(features).toMatchObject({
    name: 'ASR_LOGITS',
    sampleRate: 16000,
    bins: 29,
    stepsPerSecond: 25,
    labels: WAV2VEC2_LABELS,
  });
  expect(asked.map(([kind, source, { local_files_only, dtype }]) => [kind, source, local_files_only, dtype])).toEqual([
    ['tokenizer', '/models/tiny', true, undefined],
    ['extractor', '/models/tiny', true, undefined],
    ['model', '/models/tiny', true, 'fp32'],
  ]);
  const { data, steps, bins } = await features.compute(made(640 * 10 + 1));
  expect([steps, bins, data.length, lengths, masks]).toEqual([11, 29, 319, [11 * 640 + 80], 0]);
  DEEPSPEECH_LABELS.forEach((label, bin) => {
    const column = WAV2VEC2_LABELS.indexOf(label === ' ' ? '|' : label === '' ? '<pad>' : label.toUpperCase());
    // measured 7.2e-7: the difference of two float32 values up to 24
    expect(data[29 * 3 + bin] - data[29 * 3]).toBeCloseTo(column - 4, 5);
  });
});

test('the audio is normalised to mean 0 and variance 1 unless the model says otherwise', async () => {
  const loud = made(6400);
  const quiet = { samples: loud.samples.map((value) => value / 8 + 0.1), sampleRate: 16000 };
  const [one, other] = await Promise.all(
    [loud, quiet].map(async (audio) =>
      (await createCtcFeatures({ model: 'm', transformers: mock().module })).compute(audio),
    ),
  );
  // measured 1.9e-6, one float32 step at 24; the normalised audio differs in its last bits
  one.data.forEach((value, i) => expect(other.data[i]).toBeCloseTo(value, 4));
  const plain = await createCtcFeatures({
    model: 'm',
    transformers: mock({ extractor: { do_normalize: false } }).module,
  });
  expect((await plain.compute(quiet)).data[0]).not.toBeCloseTo((await plain.compute(loud)).data[0], 2);
});

test('long audio in chunks gives the rows of the whole, and a model with an attention mask gets one', async () => {
  const whole = mock();
  const pieces = mock({ mask: true });
  const audio = made(16000 * 5 + 300);
  const [one, other] = [
    await (await createCtcFeatures({ model: 'm', transformers: whole.module })).compute(audio),
    await (await createCtcFeatures({ model: 'm', transformers: pieces.module, chunkSec: 2, contextSec: 0.4 })).compute(
      audio,
    ),
  ];
  expect(other).toEqual(one);
  expect([whole.lengths.length, whole.masks, pieces.masks]).toEqual([1, 0, 3]);
  expect(pieces.lengths).toEqual([60 * 640 + 80, 70 * 640 + 80, 36 * 640 + 80]);
});

test('halve: mean averages both rows of a frame; dispose ends the model', async () => {
  const found = mock();
  const audio = made(6400);
  const [mean, second] = [
    await createCtcFeatures({ model: 'm', transformers: found.module, halve: 'mean' }),
    await createCtcFeatures({ model: 'm', transformers: found.module }),
  ];
  expect((await second.compute(audio)).data).not.toEqual((await mean.compute(audio)).data);
  await mean.dispose();
  expect(found.ended).toBe(1);
});

test('createCtcFeatures refuses other waveforms, models and options', async () => {
  const { module } = mock();
  const features = await createCtcFeatures({ model: 'm', transformers: module });
  await expect(features.compute({ samples: new Float32Array(9), sampleRate: 48000 })).rejects.toThrow(
    'waveform.sampleRate must be 16000 Hz, got 48000',
  );
  await expect(features.compute({ samples: new Float32Array(0), sampleRate: 16000 })).rejects.toThrow(
    'waveform.samples must be not empty',
  );
  await expect(createCtcFeatures({ model: '' })).rejects.toThrow('createCtcFeatures: model must be a folder');
  await expect(createCtcFeatures({ model: 'm', chunkSec: 0 })).rejects.toThrow('chunkSec must be at least 1, got 0');
  await expect(createCtcFeatures({ model: 'm', contextSec: -1 })).rejects.toThrow(
    'contextSec must be at least 0, got -1',
  );
  const hears = (extractor: object | Error) =>
    createCtcFeatures({ model: 'm', transformers: mock({ extractor }).module });
  await expect(hears({ sampling_rate: 8000 })).rejects.toThrow(
    'model must be one for 16000 samples per second, got 8000',
  );
  await expect(hears(new Error('no disk'))).rejects.toThrow('no disk');
  await expect(hears(new Error('file was not found: m/preprocessor_config.json'))).resolves.toBeDefined();
  const slow = await createCtcFeatures({ model: 'm', transformers: mock({ step: 640 }).module });
  await expect(slow.compute(made(6400))).rejects.toThrow(
    'model must be one of 50 rows per second, 20 for 6480 samples, got 10',
  );
  const short = await createCtcFeatures({ model: 'm', transformers: module, labels: WAV2VEC2_LABELS.slice(0, 29) });
  await expect(short.compute(made(6400))).rejects.toThrow('labels must be 32, one for each column, got 29');
  const nameless = await createCtcFeatures({
    model: 'm',
    transformers: mock({ vocabulary: { a: 2, x: 31 } as never }).module,
  });
  await expect(nameless.compute(made(6400))).rejects.toThrow('labels must be with one " ", got none');
});

/** A folder with node_modules/@huggingface/transformers, such as scripts/check-ctc.mjs makes. */
const installed = resolve(
  process.env.LIPSYNC_TRANSFORMERS ?? 'node_modules/.cache/lipsync-transformers',
  'package.json',
);
const there = existsSync(join(installed, '../node_modules/@huggingface/transformers'));

test.skipIf(!there)(
  `transformers.js runs a tiny model with PyTorch's logits${there ? '' : ' (skipped: it is not installed, see scripts/check-ctc.mjs)'}`,
  async () => {
    const {
      logits,
      steps,
      samples: length,
    } = JSON.parse(readFileSync(fixture('tiny-ctc.json'), 'utf8')) as {
      logits: number[];
      steps: number;
      samples: number;
    };
    const transformers = createRequire(installed)('@huggingface/transformers') as TransformersModule;
    const samples = Float32Array.from(
      { length },
      (_, i) => ((((i * 37) % 1001) - 400) * ((Math.floor(i / 2000) % 3) + 1)) / 4096,
    );
    for (const cut of [{}, { chunkSec: 1, contextSec: 0.04 }]) {
      const features = await createCtcFeatures({ model: fixture('tiny-ctc'), transformers, halve: 'mean', ...cut });
      const found = await features.compute({ samples, sampleRate: 16000 });
      expect(found.steps).toBe(steps);
      // measured 2.1e-7
      expect(Math.max(...found.data.map((value, i) => Math.abs(value - logits[i])))).toBeLessThan(2e-6);
      await features.dispose();
    }
  },
);
