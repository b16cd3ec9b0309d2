import { PROTOCOLS } from '@lipsync/metrics';
import { choice, createCommand, decimal, keysOf, type OptionsOf, wholeNumber } from '../terminal/command';
import { helpEnd } from '../terminal/help-end';
import { addReadingOptions } from '../terminal/media-options';
import {
  backendOption,
  configOption,
  engineOption,
  jsonOption,
  landmarkDetectorOption,
  landmarkQualityOption,
  prefixOption,
  recipeOption,
  threadsOption,
  verboseOption,
} from '../terminal/options';
import { PRETRAINED } from '../weights/fetch-weights';

/** The command `lipsync score` without its action. */
export function scoreOptions() {
  return addReadingOptions(faceOptions())
    .addOption(engineOption())
    .addOption(backendOption())
    .addOption(threadsOption())
    .addOption(verboseOption())
    .addHelpText(
      'after',
      helpEnd({
        words: ['expert', 'protocol', 'recipe'],
        examples: [
          'score talk.mp4',
          'score talks "more/**/*.mkv" --jobs 4 --out results.ndjson',
          'score talk.mp4 --max-offset 2 --min-confidence 0.8',
          'score --weights syncnet-v2 --protocol syncnet-pipeline talk.mp4 --json',
        ],
      }),
    );
}

/** The options of `lipsync score` as its action receives them. */
export type ScoreWords = OptionsOf<ReturnType<typeof scoreOptions>>;

function faceOptions() {
  return limitOptions()
    .optionsGroup('Finding faces:')
    .addOption(landmarkQualityOption())
    .addOption(landmarkDetectorOption());
}

function limitOptions() {
  return networkOptions()
    .optionsGroup('Limits (for checks):')
    .addOption(
      wholeNumber(
        '--max-offset <frames>',
        'end with status 3 where the audio of a face is further off, or there is no answer (lipsync prepare drops clips by an ' +
          'option of this name)',
      ),
    )
    .addOption(
      decimal(
        '--min-confidence <x>',
        'end with status 3 where the confidence of a face’s answer, 0 to 1, is lower, or there is no answer (in lipsync prepare ' +
          'it is an LSE-C)',
      ),
    );
}

function networkOptions() {
  return outputOptions()
    .optionsGroup('What is measured, and by which network:')
    .option(
      '--weights <file>',
      'weights of the expert: AVAlignNet, SyncNet, Wav2Lip’s, LatentSync’s (safetensors, PyTorch, or ONNX files of lipsync export), a ' +
        'name that was fetched, such as syncnet-v2, or those that are installed with the command',
      PRETRAINED,
    )
    .addOption(recipeOption())
    .addOption(configOption())
    .addOption(prefixOption())
    .addOption(
      choice('--protocol <name>', 'a published evaluation, or the expert’s own recipe', keysOf(PROTOCOLS)).default(
        'recipe' as const,
      ),
    )
    .addOption(wholeNumber('--max-shift <frames>', 'largest offset that is tried (default: the protocol’s, 15)', 1))
    .addOption(
      choice(
        '--edges <name>',
        'zero: embeddings beyond the ends are zeros, as in SyncNet; overlap: they are left out (default: the protocol’s)',
        ['zero', 'overlap'],
      ),
    );
}

function outputOptions() {
  return inputOptions()
    .optionsGroup('Output:')
    .addOption(jsonOption())
    .option('--ndjson', 'print one JSON object a line for each video as soon as it is scored')
    .option('--csv', 'print one line for each face as CSV on standard output')
    .option(
      '--out <file>',
      'also append each result to this file (NDJSON) as it comes; the same line resumes: a video that is in it, unchanged, with the same ' +
        'weights and options, is not scored again',
    )
    .option(
      '--report <file.html>',
      'write a page with verdict, curves, faces and the crops that the network saw; of several videos an index, and a page for each ' +
        'in a folder beside it',
    )
    .option('--preview <file.png>', 'write the crops that the network saw along time, with the numbers of their frames')
    .option(
      '--fix <file.mp4>',
      'write a copy of the video with its audio shifted by the measured offset, if that is in sync when it is measured again; refused ' +
        'where there is no single, sure offset (--min-confidence, default here 0.9)',
    );
}

function inputOptions() {
  return createCommand(
    'score',
    'Measures for every face in every video by how much the audio is early or late, with LSE-D and LSE-C of the expert.',
  )
    .usage('VIDEO... [options]')
    .argument(
      '[videos...]',
      'video files, folders (all videos in them), quoted patterns such as "talks/**/*.mp4", or - for names on standard input',
    )
    .optionsGroup('Which videos, and how many at a time:')
    .option('--list <file>', 'text file with names of videos, one a line, beside or in place of VIDEO')
    .addOption(
      wholeNumber(
        '--jobs <n>',
        'videos that are scored at a time, each in a process (default: all processors, at most 8)',
        1,
      ),
    );
}
