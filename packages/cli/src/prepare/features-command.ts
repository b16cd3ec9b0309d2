import { stat } from 'node:fs/promises';
import { resolve } from 'node:path';
import { Option } from '@commander-js/extra-typings';
import { type CtcFeaturesOptions, createCtcFeatures } from '@lipsync/audio-mel';
import { encodeNpy, writeFileAtomic } from '@lipsync/checkpoints';
import { joinWaveform, type OpenMediaOptions, openMedia } from '@lipsync/media';
import { choice, createCommand } from '../terminal/command';
import { helpEnd } from '../terminal/help-end';
import { assertFiles, audioTrackOption, damageOption, readingOptions } from '../terminal/media-options';
import { log } from '../terminal/output';

/** `lipsync features`. */
export function featuresCommand() {
  return createCommand(
    'features',
    'Writes the logits of a wav2vec2 or HuBERT CTC model for a video or an audio file, 29 values 25 times per second, as npy: what ' +
      'lipsync prepare --logits reads. The model runs in transformers.js, which you install.',
  )
    .argument('<audio>', 'video or audio file')
    .argument('<out>', 'npy file')
    .requiredOption(
      '--model <dir>',
      'folder with config.json, tokenizer.json and onnx/model.onnx, or an id at Hugging Face',
    )
    .option('--download', 'fetch a model that is given by its id')
    .addOption(
      new Option('--model-dtype <type>', 'which of the model’s files to run: fp32, fp16, q8 …').default('fp32'),
    )
    .addOption(
      choice('--logit-halve <name>', 'how 50 rows per second become 25: every second row, or the mean of two', [
        'second',
        'mean',
      ]).default('second' as const),
    )
    .addOption(audioTrackOption())
    .addOption(damageOption())
    .addHelpText(
      'after',
      helpEnd({ examples: ['features talks/a.mp4 logits/talks/a.npy --model models/wav2vec2-base-960h'] }),
    )
    .action(async (audio, out, { model, download, modelDtype, logitHalve, ...reading }) => {
      await assertFiles('AUDIO', [audio]);
      const options = { model, localOnly: !download, dtype: modelDtype, halve: logitHalve, ...readingOptions(reading) };
      const { steps, labels } = await writeFeatures(resolve(audio), resolve(out), options);
      log(`${resolve(out)}: ${steps} rows of ${labels} columns`);
    });
}

/**
 * Writes the logits of an audio track as `[rows, 29]`, float32.
 *
 * @throws what `createCtcFeatures` throws; the reader's error where there is no audio.
 */
export async function writeFeatures(
  path: string,
  out: string,
  options: CtcFeaturesOptions & Pick<OpenMediaOptions, 'audioTrack' | 'damage'>,
): Promise<{ steps: number; labels: number }> {
  const folder = resolve(options.model);
  // transformers.js takes a relative path for an id.
  const model = (await stat(folder).catch(() => undefined))?.isDirectory() ? folder : options.model;
  const features = await createCtcFeatures({ ...options, model });
  try {
    const { audioTrack, damage } = options;
    const reader = await openMedia({ audioTrack, damage, log });
    const audio = await joinWaveform(reader.audio(path, { sampleRate: features.sampleRate }));
    const concealed = await reader.concealed?.(path);
    for (const note of (await reader.probe(path)).notes ?? []) log(`${path}: note: ${note}`);
    if (concealed) log(`${path}: note: ${concealed.note}`);
    const { data, steps, bins } = await features.compute(audio);
    await writeFileAtomic(out, encodeNpy({ dtype: 'float32', shape: [steps, bins], data }));
    return { steps, labels: bins };
  } finally {
    await features.dispose();
  }
}
