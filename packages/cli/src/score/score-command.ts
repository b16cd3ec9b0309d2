import { resolve } from 'node:path';
import { createLandmarkDetector } from '@lipsync/face-crop';
import { openMedia } from '@lipsync/media';
import { PROTOCOLS } from '@lipsync/metrics';
import {
  engineCompiler,
  type FaceScore,
  openEmbedder,
  type ScoreProtocol,
  scoreProtocol,
  scoreVideo,
  type VideoScore,
} from '@lipsync/score';
import { landmarkSettings } from '@lipsync/sync-windows';
import {
  choice,
  createCommand,
  decimal,
  ExitStatus,
  keysOf,
  type OptionsOf,
  UsageError,
  wholeNumber,
} from '../terminal/command';
import { addReadingOptions, assertFiles, readingOptions, withDamageHint } from '../terminal/media-options';
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
} from '../terminal/options';
import { log, printJson } from '../terminal/output';
import { createProgress } from '../terminal/progress';
import { loadOptions } from '../terminal/read-files';
import { PRETRAINED, resolveWeights } from '../weights/fetch-weights';
import { describeWeightsFacts, type WeightsFacts, weightsFacts } from '../weights/weights-facts';
import { beyondLimits, exitStatusOf } from './score-limits';
import { scoreTable } from './score-table';

/** `lipsync score`. */
export function scoreCommand() {
  return scoreOptions().action(runScore);
}

function scoreOptions() {
  const command = createCommand(
    'score',
    'Measures for every face in every video by how much the audio is early or late, with LSE-D and LSE-C of the expert.',
  )
    .usage('VIDEO... [options]')
    .argument('<videos...>', 'video files')
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
    )
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
    )
    .addOption(landmarkQualityOption())
    .addOption(landmarkDetectorOption())
    .addOption(jsonOption())
    .option('--csv', 'print one line for each face as CSV on standard output');
  return addReadingOptions(command).addOption(engineOption()).addOption(backendOption()).addOption(threadsOption());
}

type ScoreWords = OptionsOf<ReturnType<typeof scoreOptions>>;

async function runScore(videos: string[], options: ScoreWords): Promise<void> {
  const { json, csv, backend, threads, maxShift, edges, landmarkQuality, landmarkDetector } = options;
  if (json && csv) throw new UsageError('--json must stand alone, got --csv beside it');
  const { maxOffset, minConfidence } = options;
  if (minConfidence !== undefined && minConfidence > 1)
    throw new UsageError(`--min-confidence must be at most 1, got ${minConfidence}`);
  const rules = { protocol: PROTOCOLS[options.protocol], maxShift, edges };
  const weights = await resolveWeights(options.weights);
  await assertFiles('VIDEO', videos);
  const engine = { engine: options.engine, backend, log };
  const loading = { ...(await loadOptions(options)), ...engine, threads };
  const [embedder, reader] = await startBoth(
    openEmbedder(weights, loading),
    openMedia({ log, ...readingOptions(options) }),
  );
  const detector = await createLandmarkDetector({
    ...landmarkSettings(landmarkQuality, landmarkDetector).detector,
    compile: await engineCompiler(engine),
  });
  const files: VideoScore[] = [];
  const progress = createProgress({ label: 'score', total: videos.length });
  try {
    const protocol = await scoreProtocol(embedder.expert, rules);
    const parts = { expert: embedder, reader, detector, landmarkQuality, ...rules, log };
    for (const file of videos) {
      const score = { ...(await scoreVideo(resolve(file), parts)), file };
      files.push(score);
      if (!json && !csv) progress.log(describeScore(score));
      progress.update(files.length);
    }
    progress.stop();
    const facts = weightsFacts(options.weights, protocol.weightsHash);
    if (json) printJson(scoreReport(protocol, files, facts));
    else if (csv) process.stdout.write(scoreTable(protocol, files));
    else describeProtocol(protocol, files, facts);
  } finally {
    progress.stop();
    detector.dispose();
    await embedder.dispose();
  }
  for (const line of beyondLimits(files, { maxOffset, minConfidence })) log(line);
  const status = exitStatusOf(files, { maxOffset, minConfidence });
  if (status !== 0) throw new ExitStatus(status);
}

/** What `--json` prints: weights and protocol once, then every file. */
function scoreReport(protocol: ScoreProtocol, files: readonly VideoScore[], weights: WeightsFacts) {
  return {
    weights,
    protocol,
    mean: meanOfFiles(files) ?? null,
    files: files.map(({ protocol: _, ...score }) => score),
  };
}

/** Both take time to start; where one fails the other is released. */
async function startBoth<E extends { dispose(): Promise<void> }, A>(
  opening: Promise<E>,
  other: Promise<A>,
): Promise<[E, A]> {
  const [embedder, started] = await Promise.allSettled([opening, other]);
  if (embedder.status === 'rejected') throw embedder.reason;
  if (started.status === 'fulfilled') return [embedder.value, started.value];
  await embedder.value.dispose();
  throw started.reason;
}

/** Arithmetic mean over the files' means where the protocol defines one, else over all faces; undefined without a score. */
export function meanOfFiles(files: readonly VideoScore[]): { scores: number; lseD: number; lseC: number } | undefined {
  const scores = files.flatMap((file) => (file.mean ? [file.mean] : file.faces));
  if (scores.length === 0) return undefined;
  const mean = (key: 'lseD' | 'lseC') => scores.reduce((sum, score) => sum + score[key], 0) / scores.length;
  return { scores: scores.length, lseD: mean('lseD'), lseC: mean('lseC') };
}

/** A video's score, one line for each face, each problem and each note. */
export function describeScore({ file, faces, mean, problems, notes }: VideoScore): string {
  const lines = faces.map((face) => {
    const lse = `LSE-D ${face.lseD.toFixed(3)}, LSE-C ${face.lseC.toFixed(3)}`;
    const which = `face ${face.track}, ${face.frameCount} frames`;
    if (face.place === null) return `${file}: ${which}: ${describeVerdict(face)}; ${lse}`;
    const speaking = face.speaking === null ? '' : `, speaking ${face.speaking.toFixed(2)}`;
    return `${file}: ${face.place}: ${describeVerdict(face)}; ${which}${speaking}; ${lse}`;
  });
  if (mean && faces.length > 1) {
    const lse = `LSE-D ${mean.lseD.toFixed(3)}, LSE-C ${mean.lseC.toFixed(3)}`;
    lines.push(`${file}: mean of ${faces.length} faces: offset ${mean.offsetFrames}, ${lse}`);
  }
  lines.push(...problems.map((problem) => `${file}: ${withDamageHint(problem)}`));
  return [...lines, ...notes.map((note) => `${file}: note: ${note}`)].join('\n');
}

/** The sentence with how sure it is; where there is no answer, with the offset that published evaluations would state. */
function describeVerdict({ verdict, offsetFrames }: FaceScore): string {
  const { answer, reason, sentence, confidence } = verdict;
  if (reason === 'offset changes') return sentence;
  if (answer === 'cannot tell') return `${sentence} (lowest distance at ${offsetFrames} frames)`;
  const worth = confidence === null ? 'not calibrated' : `confidence ${confidence.toFixed(2)}`;
  return `${sentence} (${[worth, ...exactWords(verdict)].join(', ')})`;
}

/** The offset to a tenth of a frame, with its spread where that is known. */
function exactWords({ exactFrames = null, spreadFrames = null }: Partial<FaceScore['verdict']>): string[] {
  if (exactFrames === null) return [];
  const exact = exactFrames.toFixed(1).replace(/^-(?=0\.0$)/, ''); // never -0.0
  return [`${exact}${spreadFrames === null ? '' : ` ± ${spreadFrames.toFixed(1)}`} frames`];
}

function describeProtocol(protocol: ScoreProtocol, files: readonly VideoScore[], weights: WeightsFacts): void {
  const mean = meanOfFiles(files);
  if (mean && files.length > 1)
    log(`mean of ${mean.scores} scores: LSE-D ${mean.lseD.toFixed(3)}, LSE-C ${mean.lseC.toFixed(3)}`);
  log(`engine ${protocol.engine}`);
  log(`protocol ${protocol.name} (${protocol.hash.slice(0, 12)}): ${protocol.source}`);
  for (const deviation of protocol.deviations) log(`  differs here: ${deviation}`);
  log(
    `distances are of ${protocol.expert}, ${describeWeightsFacts(weights)}: do not compare them with those of another network`,
  );
}
