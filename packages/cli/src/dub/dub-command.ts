import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { Option } from '@commander-js/extra-typings';
import { asrLogits, DEEPSPEECH_LABELS, HUBERT_LABELS, WAV2VEC2_LABELS } from '@lipsync/audio-mel';
import { decodeNpy, toFloat32 } from '@lipsync/checkpoints';
import type { Features, GeneratorAudio, StoredCrop } from '@lipsync/contracts';
import { DUB_FPS, type DubProgress, type DubReport, dubVideo } from '@lipsync/dub';
import { createLandmarkDetector } from '@lipsync/face-crop';
import { type FfmpegReader, openMedia } from '@lipsync/media';
import { landmarkSettings } from '@lipsync/sync-windows';
import { loadGenerator } from '@lipsync/train';
import {
  choice,
  createCommand,
  ExitStatus,
  keysOf,
  type OptionsOf,
  UsageError,
  wholeNumber,
} from '../terminal/command';
import { helpEnd } from '../terminal/help-end';
import { addReadingOptions, assertFiles, readingOptions } from '../terminal/media-options';
import {
  backendOption,
  jsonOption,
  landmarkDetectorOption,
  landmarkQualityOption,
  startBackend,
  threadsOption,
  verboseOption,
} from '../terminal/options';
import { log, printJson } from '../terminal/output';
import { assertVideoPath } from '../terminal/output-path';
import { createProgress, formatSeconds, type Progress } from '../terminal/progress';
import { resolveWeights } from '../weights/fetch-weights';

const LABELS = { deepspeech: DEEPSPEECH_LABELS, hubert: HUBERT_LABELS, wav2vec2: WAV2VEC2_LABELS };

/** `lipsync dub`: exit status 130 where Ctrl-C stopped it. */
export function dubCommand() {
  return dubOptions().action(runDub);
}

function dubOptions() {
  const command = createCommand(
    'dub',
    'Generates the mouth of one face in a video from another audio track, with a generator: one of lipsync train generator, or DINet’s or Wav2Lip’s published one.',
  )
    .argument('<video>', 'video that shows the face')
    .argument('<audio>', 'audio or video file with the speech')
    .argument('<out>', 'video that is written: .mp4, .m4v, .mov or .mkv')
    .requiredOption(
      '--weights <file>',
      'weights of the generator (safetensors, or PyTorch as DINet and Wav2Lip publish theirs)',
    )
    .addOption(
      wholeNumber(
        '--mouth <px>',
        'mouth box that the generator was trained with: 64, 128 or 256 (default: as its file says)',
        32,
      ),
    )
    .addOption(
      wholeNumber(
        '--face <n>',
        'face to change, numbered as by lipsync score (default: the one seen longest and largest)',
      ),
    )
    .addOption(
      new Option(
        '--references <list>',
        'frames that show the face, such as 0,40,80,120,160 at 25 per second; spread: spread over time and mouth openings; same: each frame ' +
          'is its own (default: spread; of Wav2Lip same, as published)',
      ),
    )
    .option(
      '--logits <file>',
      'npy file with the logits of a speech recogniser for the audio, for generators that take those',
    )
    .addOption(
      choice('--logit-labels <name>', 'model whose labels the columns of --logits stand for', keysOf(LABELS)).default(
        'deepspeech' as const,
      ),
    )
    .addOption(
      choice(
        '--length <name>',
        'audio: as long as the audio (the video is cut, or repeated forwards and backwards); video: as long as the video',
        ['audio', 'video'],
      ).default('audio' as const),
    )
    .addOption(
      choice('--colours <name>', 'matched: generated faces get the colours around the hidden part', [
        'matched',
        'as-generated',
      ]).default('matched' as const),
    )
    .addOption(wholeNumber('--crf <n>', 'constant rate factor of x264: lower is better and larger').default(16))
    .addOption(landmarkQualityOption())
    .addOption(landmarkDetectorOption());
  return addReadingOptions(command, { audio: 'AUDIO', video: 'VIDEO' })
    .option('--force', 'overwrite OUT')
    .addOption(jsonOption())
    .addOption(backendOption())
    .addOption(threadsOption())
    .addOption(verboseOption())
    .addHelpText(
      'after',
      helpEnd({ examples: ['dub talk.mp4 other.wav dubbed.mp4 --weights clip/weights.safetensors'] }),
    );
}

async function runDub(
  videoPath: string,
  audioPath: string,
  outPath: string,
  options: OptionsOf<ReturnType<typeof dubOptions>>,
): Promise<void> {
  const [video, audio, out] = [videoPath, audioPath, outPath].map((path) => resolve(path));
  await assertFiles('VIDEO', [videoPath]);
  await assertFiles('AUDIO', [audioPath]);
  if (options.logits !== undefined) await assertFiles('--logits', [options.logits]);
  const references = readReferences(options.references);
  await assertVideoPath(out, { VIDEO: video, AUDIO: audio }, options.force === true);
  const weights = await resolveWeights(options.weights);
  await startBackend(options);
  const stop = new AbortController();
  const onSignal = () => stop.abort();
  process.once('SIGINT', onSignal).once('SIGTERM', onSignal);
  const progress = new PassProgress();
  const owned: { dispose(): void }[] = [];
  try {
    const generator = await loadGenerator(weights);
    owned.push(generator);
    const mouth = mouthOf(generator.crop, { weights, given: options.mouth });
    const reader = await openReader(video, audio, options);
    checkLogits(generator.recipe.audio, options.logits);
    const { landmarkQuality, landmarkDetector } = options;
    const { detector: detectorOptions, ...following } = landmarkSettings(landmarkQuality, landmarkDetector);
    const detector = await createLandmarkDetector(detectorOptions);
    owned.push(detector);
    const report = await dubVideo(video, audio, out, {
      ...{ generator, mouth, reader, detector, references },
      ...following,
      features:
        options.logits === undefined
          ? undefined
          : await readLogits(options.logits, options.logitLabels, (await reader.probe(audio)).durationSec),
      ...{ face: options.face, length: options.length, crf: options.crf, signal: stop.signal },
      audioTrack: options.audioTrack,
      colours: options.colours === 'matched' ? 'matched' : 'as generated',
      log: (line) => progress.log(line),
      onProgress: (state) => progress.update(state),
    });
    progress.stop();
    for (const line of describeDub(report)) log(line);
    for (const note of report.notes) log(`note: ${note}`);
    if (options.json) printJson({ ...report, video: videoPath, audio: audioPath, out: outPath });
  } catch (error) {
    if (!stop.signal.aborted) throw error;
    progress.stop();
    log('lipsync dub: stopped; nothing was written');
    throw new ExitStatus(130);
  } finally {
    progress.stop();
    process.off('SIGINT', onSignal).off('SIGTERM', onSignal);
    for (const thing of owned) thing.dispose();
  }
}

/** A reader of the frames of one file and the audio of another, each with its own track. */
async function openReader(
  video: string,
  audio: string,
  { audioTrack, videoTrack, damage }: { audioTrack?: number; videoTrack?: number; damage: 'refuse' | 'conceal' },
): Promise<FfmpegReader> {
  if (video === audio) return openMedia({ ...readingOptions({ audioTrack, videoTrack, damage }), log });
  const frames = await openMedia({ ...readingOptions({ videoTrack, damage }), log });
  const samples = await openMedia({ ...readingOptions({ audioTrack, damage }), ffmpegPath: frames.ffmpeg.path, log });
  const readerOf = (path: string) => (path === audio ? samples : frames);
  return {
    ...frames,
    probe: (path, of) => readerOf(path).probe(path, of),
    audio: (path, of) => readerOf(path).audio(path, of),
    concealed: async (path) => readerOf(path).concealed?.(path),
  };
}

/** A progress bar for each pass over the video. */
class PassProgress {
  #bar: Progress | undefined;
  #pass: DubProgress['pass'] | undefined;

  update({ pass, done, total }: DubProgress): void {
    if (pass !== this.#pass) {
      this.stop();
      [this.#bar, this.#pass] = [createProgress({ label: pass, total }), pass];
    }
    this.#bar?.update(done);
  }

  log(line: string): void {
    if (this.#bar) this.#bar.log(line);
    else log(line);
  }

  stop(): void {
    this.#bar?.stop();
    this.#bar = undefined;
  }
}

/** Refuses logits for a generator that takes mel, and none for one that takes logits. */
function checkLogits(audio: GeneratorAudio, logits: string | undefined): void {
  if (audio.kind === 'logits' && logits === undefined) {
    throw new UsageError(
      `--logits must be a npy file with the logits of the audio, because this generator takes ${audio.bins} of those per row, got none`,
    );
  }
  if (audio.kind === 'mel' && logits !== undefined)
    throw new UsageError(`--logits must be left out, because this generator takes mel, got ${logits}`);
}

/** What was done, in three lines. */
export function describeDub({
  out,
  width,
  height,
  frameCount,
  generated,
  kept,
  durationSec,
  face,
  faces,
  references,
  seconds,
  framesPerSecond,
}: DubReport): string[] {
  const others = faces > 1 ? ` of ${faces}` : '';
  return [
    `face ${face.track}${others}: ${face.frameCount} frames from frame ${face.firstFrame} on, crop radius ${face.radius} px; references: ${references.length > 0 ? `frames ${references.join(', ')}` : 'each frame its own'}`,
    `${out}: ${width} x ${height}, ${durationSec.toFixed(2)} s at ${DUB_FPS} frames per second; ${generated} of ${frameCount} frames generated, ${kept} unchanged`,
    `faces ${formatSeconds(seconds.faces)}, generating ${formatSeconds(seconds.generate)} (${framesPerSecond.toFixed(1)} frames per second; ${generated > 0 ? ((1000 * seconds.network) / generated).toFixed(0) : 0} ms each in the network)`,
  ];
}

/** `spread`, `same frame`, or a list of frame numbers; undefined where nothing was given. */
export function readReferences(text: string | undefined): number[] | 'spread' | 'same frame' | undefined {
  if (text === undefined || text === 'spread') return text;
  if (text === 'same') return 'same frame';
  const numbers = text.split(',').map((part) => (/^\s*\d+\s*$/.test(part) ? Number(part) : Number.NaN));
  if (numbers.some(Number.isNaN))
    throw new UsageError(`--references must be spread, same or frame numbers such as 0,40,80,120,160, got ${text}`);
  return numbers;
}

/** The mouth box of head crops, where it was given; undefined where the generator's file says which face images it takes. */
function mouthOf(
  crop: StoredCrop | undefined,
  { weights, given }: { weights: string; given: number | undefined },
): number | undefined {
  if (given === undefined && crop === undefined)
    throw new UsageError(
      `--mouth must be the mouth box that ${weights} was trained with (64, 128 or 256), because the file does not say, got none`,
    );
  if (given !== undefined && !(given > 0 && given % 32 === 0))
    throw new UsageError(`--mouth must be a multiple of 32 pixels, got ${given}`);
  const stored = crop?.kind === 'dinet head' ? `${crop.mouth}` : crop && `face boxes of ${crop.size} pixels`;
  if (given !== undefined && stored !== undefined && stored !== `${given}`)
    log(`--mouth ${given}: the generator was trained with ${stored}`);
  return given;
}

async function readLogits(path: string, labels: keyof typeof LABELS, durationSec: number): Promise<Features> {
  const array = decodeNpy(await readFile(path));
  const columns = array.shape[array.shape.length - 1];
  // 29 columns in DeepSpeech's order are taken as they are.
  return asrLogits(
    { data: toFloat32(array), shape: array.shape },
    { durationSec, ...(labels === 'deepspeech' && columns === 29 ? {} : { labels: LABELS[labels] }) },
  );
}
