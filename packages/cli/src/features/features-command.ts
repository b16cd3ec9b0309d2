import { stat } from 'node:fs/promises';
import { resolve } from 'node:path';
import { type CtcFeaturesOptions, createCtcFeatures } from '@lipsync/audio-mel';
import { encodeNpy, writeFileAtomic } from '@lipsync/checkpoints';
import { joinWaveform, openMedia } from '@lipsync/media';
import { type CommandSpec, type ParsedCommand, UsageError } from '../terminal/command';
import { say } from '../terminal/setup';

export const FEATURES: CommandSpec = {
  name: 'features',
  positionals: 'SOUND OUT --model DIR',
  summary:
    'Writes the logits that a wav2vec2 or HuBERT CTC model gives of a video or an audio track, 29 numbers 25 times a second, as npy: what prepare --features ' +
    'reads. Runs in transformers.js, which you install.',
  options: {
    model: {
      kind: 'text',
      value: 'DIR',
      help: 'folder with config.json, tokenizer.json and onnx/model.onnx, or an id at Hugging Face',
    },
    download: { kind: 'flag', help: 'fetches a model that is given by its id' },
    dtype: { kind: 'text', value: 'TYPE', default: 'fp32', help: 'which of the model’s files: fp32, fp16, q8 …' },
    halve: { kind: 'choice', choices: ['second', 'mean'], default: 'second', help: 'how 50 rows a second become 25' },
  },
};

export async function runFeatures({ positionals, values }: ParsedCommand): Promise<void> {
  if (positionals.length !== 2)
    throw new UsageError(`lipsync features: SOUND OUT must be two files, got ${positionals.length}`);
  if (values.model === undefined)
    throw new UsageError('lipsync features: --model must be a folder with a model, got none');
  const [path, out] = positionals.map((name) => resolve(name));
  const { steps, labels } = await writeFeatures(path, out, {
    model: values.model as string,
    localOnly: values.download !== true,
    dtype: values.dtype as string,
    halve: values.halve as 'second' | 'mean',
  });
  say(`${out}: ${steps} rows of ${labels} columns`);
}

/**
 * Writes an audio track's logits as `[rows, 29]`, float32.
 *
 * @throws as `createCtcFeatures`; the reader's error where there is no audio.
 */
export async function writeFeatures(
  path: string,
  out: string,
  options: CtcFeaturesOptions,
): Promise<{ steps: number; labels: number }> {
  const folder = resolve(options.model);
  // transformers.js takes a relative path for an id.
  const model = (await stat(folder).catch(() => undefined))?.isDirectory() ? folder : options.model;
  const features = await createCtcFeatures({ ...options, model });
  try {
    const audio = await joinWaveform((await openMedia()).audio(path, { sampleRate: features.sampleRate }));
    const { data, steps, bins } = await features.compute(audio);
    await writeFileAtomic(out, encodeNpy({ dtype: 'float32', shape: [steps, bins], data }));
    return { steps, labels: bins };
  } finally {
    await features.dispose();
  }
}
