import { readFile, realpath, stat } from 'node:fs/promises';
import { extname, resolve } from 'node:path';
import { asrLogits, DEEPSPEECH_LABELS, HUBERT_LABELS, WAV2VEC2_LABELS } from '@lipsync/audio-mel';
import { decodeNpy, openCheckpoint, toFloat32 } from '@lipsync/checkpoints';
import type { Features } from '@lipsync/contracts';
import { LANDMARK_QUALITY, type LandmarkQuality } from '@lipsync/dataloader';
import { loadDinet } from '@lipsync/dinet';
import { DUB_FPS, type DubProgress, type DubReport, dubVideo } from '@lipsync/dub';
import { createLandmarkDetector } from '@lipsync/face-crop';
import { openMedia } from '@lipsync/media';
import { type CommandSpec, type ParsedCommand, UsageError } from '../terminal/command';
import { createProgress, formatSeconds, type Progress } from '../terminal/progress';
import { BACKEND_OPTIONS, LANDMARK_QUALITY_OPTION, say, startBackend } from '../terminal/setup';
import { resolveWeights } from '../weights/fetch-weights';

const LABELS: Readonly<Record<string, readonly string[]>> = {
  deepspeech: DEEPSPEECH_LABELS,
  hubert: HUBERT_LABELS,
  wav2vec2: WAV2VEC2_LABELS,
};

export const DUB: CommandSpec = {
  name: 'dub',
  positionals: 'VIDEO AUDIO OUT --weights FILE',
  summary:
    'Paints the mouth of a face in a video anew so that it says what the audio says, with a generator of lipsync train-dinet or DINet’s own.',
  options: {
    weights: {
      kind: 'text',
      value: 'FILE',
      help: 'weights of the generator (safetensors of train-dinet, or PyTorch as DINet publishes it)',
    },
    mouth: {
      kind: 'whole',
      value: 'N',
      min: 32,
      help: 'pixels of the mouth box it was trained with, where its file does not say: 64, 128, 256',
    },
    face: {
      kind: 'whole',
      value: 'N',
      min: 0,
      help: 'face to paint, numbered as by lipsync score; the one seen longest and largest if not given',
    },
    references: {
      kind: 'text',
      value: 'LIST',
      default: 'spread',
      help: 'frames that show the face, as 0,40,80,120,160 at 25 a second; spread: over time and mouth openings',
    },
    features: {
      kind: 'text',
      value: 'FILE',
      help: 'logits of a speech recogniser for the audio (.npy), for generators that listen to those',
    },
    labels: {
      kind: 'choice',
      choices: Object.keys(LABELS),
      default: 'deepspeech',
      help: 'whose order the columns of --features are in',
    },
    length: {
      kind: 'choice',
      choices: ['sound', 'video'],
      default: 'sound',
      help: 'as long as the audio, the video cut or played backwards and forwards; or as long as the video',
    },
    crf: {
      kind: 'whole',
      value: 'N',
      min: 0,
      default: 16,
      help: 'x264’s constant rate factor: lower is better and larger',
    },
    landmarkQuality: LANDMARK_QUALITY_OPTION,
    force: { kind: 'flag', help: 'writes over OUT' },
    json: { kind: 'flag', help: 'prints the report as JSON' },
    ...BACKEND_OPTIONS,
  },
};

/** @returns the exit status: 130 where it was stopped by Ctrl-C. */
export async function runDub({ positionals, values }: ParsedCommand): Promise<number> {
  const where = 'lipsync dub';
  if (positionals.length !== 3)
    throw new UsageError(`${where}: VIDEO AUDIO OUT must be three files, got ${positionals.length}`);
  if (!values.weights) throw new UsageError(`${where}: --weights must be the weights of a generator, got none`);
  const [video, sound, out] = positionals.map((path) => resolve(path));
  const references = readReferences(values.references as string);
  await checkOut(out, { VIDEO: video, AUDIO: sound }, values.force === true);

  const weights = await resolveWeights(values.weights as string);
  const mouth = await mouthOf(weights, values.mouth as number | undefined);
  await startBackend(values);
  const stop = new AbortController();
  const onSignal = () => stop.abort();
  process.once('SIGINT', onSignal).once('SIGTERM', onSignal);
  const generator = await loadDinet(weights);
  let progress: Progress | undefined;
  let pass: DubProgress['pass'] | undefined;
  let detector: Awaited<ReturnType<typeof createLandmarkDetector>> | undefined;
  try {
    const reader = await openMedia({ log: say });
    const { audio } = generator.config;
    const features = values.features as string | undefined;
    if (audio.kind === 'logits' && !features) {
      throw new UsageError(
        `${where}: --features must be a .npy file of the audio’s logits, as this generator listens to ${audio.bins} of those a frame, got none`,
      );
    }
    if (audio.kind === 'mel' && features)
      throw new UsageError(`${where}: --features must be left out, as this generator listens to mel, got ${features}`);
    const { detector: looks, collect, detectionSide } = LANDMARK_QUALITY[values.effort as LandmarkQuality];
    detector = await createLandmarkDetector(looks);
    const report = await dubVideo(video, sound, out, {
      ...{ generator, mouth, reader, detector, collect, detectionSide, references },
      features: features
        ? await readLogits(features, values.labels as string, (await reader.probe(sound)).durationSec)
        : undefined,
      face: values.face as number | undefined,
      length: values.length as 'sound' | 'video',
      crf: values.crf as number,
      signal: stop.signal,
      log: (line) => (progress ? progress.log(line) : say(line)),
      onProgress: ({ pass: now, done, total }) => {
        if (now !== pass) {
          progress?.stop();
          [progress, pass] = [createProgress({ label: now, total }), now];
        }
        progress!.update(done);
      },
    });
    progress?.stop();
    for (const line of describeDub(report)) say(line);
    if (values.json)
      process.stdout.write(
        `${JSON.stringify({ ...report, video: positionals[0], audio: positionals[1], out: positionals[2] }, null, 2)}\n`,
      );
    return 0;
  } catch (error) {
    if (!stop.signal.aborted) throw error;
    progress?.stop();
    say(`${where}: stopped; nothing was written`);
    return 130;
  } finally {
    progress?.stop();
    process.off('SIGINT', onSignal).off('SIGTERM', onSignal);
    generator.dispose();
    detector?.dispose();
  }
}

/** What was done, as people read it. */
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
    `face ${face.track}${others}: ${face.frameCount} frames from ${face.firstFrame} on, crop radius ${face.radius} px; references: frames ${references.join(', ')}`,
    `${out}: ${width} x ${height}, ${durationSec.toFixed(2)} s at ${DUB_FPS} frames a second; ${generated} of ${frameCount} painted, ${kept} as they were`,
    `faces ${formatSeconds(seconds.faces)}, painting ${formatSeconds(seconds.generate)} (${framesPerSecond.toFixed(1)} frames a second; ${generated > 0 ? ((1000 * seconds.network) / generated).toFixed(0) : 0} ms each in the network)`,
  ];
}

/** `spread`, or a list of frame numbers. */
export function readReferences(text: string): number[] | 'spread' {
  if (text === 'spread') return 'spread';
  const numbers = text.split(',').map((part) => (/^\s*\d+\s*$/.test(part) ? Number(part) : Number.NaN));
  if (numbers.some(Number.isNaN))
    throw new UsageError(
      `lipsync dub: --references must be spread or numbers of frames, as 0,40,80,120,160, got ${text}`,
    );
  return numbers;
}

/** Refuses an OUT that would overwrite what is read, or, without `force`, anything. */
async function checkOut(out: string, inputs: Record<string, string>, force: boolean): Promise<void> {
  const endings = ['.mp4', '.m4v', '.mov', '.mkv'];
  if (!endings.includes(extname(out).toLowerCase()))
    throw new UsageError(`lipsync dub: OUT must end in ${endings.join(', ')}, got ${out}`);
  const real = await realpath(out).catch(() => undefined);
  for (const [name, path] of Object.entries(inputs)) {
    if (path === out || (real !== undefined && real === (await realpath(path).catch(() => path)))) {
      throw new UsageError(`lipsync dub: OUT must be another file than ${name}, got ${out}`);
    }
  }
  if (!force && (await stat(out).catch(() => undefined)))
    throw new UsageError(`lipsync dub: OUT must be a new file (or give --force), got ${out}`);
}

/** The side of the mouth box that a generator was trained with. */
async function mouthOf(weights: string, given: number | undefined): Promise<number> {
  const file = await openCheckpoint(weights);
  const said = file.metadata.mouth;
  await file.close();
  const stored = said === undefined ? undefined : Number(said);
  const mouth = given ?? stored;
  if (mouth === undefined)
    throw new UsageError(
      `lipsync dub: --mouth must be the mouth box that ${weights} was trained with (64, 128, 256), as the file does not say, got none`,
    );
  if (!(Number.isInteger(mouth) && mouth > 0 && mouth % 32 === 0))
    throw new UsageError(`lipsync dub: --mouth must be a multiple of 32 pixels, got ${mouth}`);
  if (stored !== undefined && stored !== mouth) say(`--mouth ${mouth}: the generator was trained with ${stored}`);
  return mouth;
}

async function readLogits(path: string, labels: string, durationSec: number): Promise<Features> {
  const array = decodeNpy(await readFile(path));
  const columns = array.shape[array.shape.length - 1];
  // 29 columns in DeepSpeech's order are taken as they are.
  return asrLogits(
    { data: toFloat32(array), shape: array.shape },
    { durationSec, ...(labels === 'deepspeech' && columns === 29 ? {} : { labels: LABELS[labels] }) },
  );
}
