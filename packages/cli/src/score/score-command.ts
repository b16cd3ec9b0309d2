import { resolve } from 'node:path';
import { LANDMARK_QUALITY, type LandmarkQuality } from '@lipsync/dataloader';
import { createLandmarkDetector } from '@lipsync/face-crop';
import { openMedia } from '@lipsync/media';
import { PROTOCOLS, type ProtocolName } from '@lipsync/metrics';
import { type OpenEmbedderOptions, openEmbedder, scoreProtocol, scoreVideo, type VideoScore } from '@lipsync/score';
import { type CommandSpec, type ParsedCommand, UsageError } from '../terminal/command';
import { createProgress } from '../terminal/progress';
import { BACKEND_OPTIONS, LANDMARK_QUALITY_OPTION, say } from '../terminal/setup';
import { resolveWeights } from '../weights/fetch-weights';
import { scoreTable } from './score-table';

export const SCORE: CommandSpec = {
  name: 'score',
  positionals: '--weights FILE VIDEO...',
  summary:
    'Says for every face in every video by how much the audio is early or late, with LSE-D and LSE-C of the expert.',
  options: {
    weights: {
      kind: 'text',
      value: 'FILE',
      help: 'weights of the expert: AVAlignNet, SyncNet, Wav2Lip’s, LatentSync’s (safetensors, PyTorch, or ONNX of lipsync export)',
    },
    expert: { kind: 'text', value: 'FILE', help: 'the same as --weights' },
    protocol: {
      kind: 'choice',
      choices: Object.keys(PROTOCOLS),
      default: 'recipe',
      help: 'a published evaluation, or the expert’s own recipe',
    },
    recipe: { kind: 'text', value: 'FILE', help: 'recipe of the expert (JSON), where its file has none' },
    config: { kind: 'text', value: 'NAME', help: 'configuration of AVAlignNet, where its file has none' },
    'max-shift': {
      kind: 'whole',
      value: 'N',
      min: 1,
      help: 'largest offset tried, frames; the protocol’s 15 if not given',
    },
    edges: {
      kind: 'choice',
      choices: ['zero', 'overlap'],
      help: 'beyond the ends: zeros as SyncNet (the protocols), or left out',
    },
    landmarkQuality: LANDMARK_QUALITY_OPTION,
    json: { kind: 'flag', help: 'prints everything as JSON' },
    csv: { kind: 'flag', help: 'prints a line a face as CSV' },
    ...BACKEND_OPTIONS,
  },
};

/** @returns the exit status: 1 where a file has no score. */
export async function runScore({ positionals, values }: ParsedCommand): Promise<number> {
  const weights = (values.weights ?? values.expert) as string | undefined;
  if (!weights) throw new UsageError('lipsync score: --weights must be a weights file, got none');
  if (values.json && values.csv) throw new UsageError('lipsync score: --json must stand alone, got --csv beside it');
  if (positionals.length === 0) throw new UsageError('lipsync score: VIDEO must be one or more files, got none');
  const { detector: looks, collect, detectionSide } = LANDMARK_QUALITY[values.effort as LandmarkQuality];
  const protocol = PROTOCOLS[values.protocol as ProtocolName];
  const options = {
    protocol,
    maxShift: values['max-shift'] as number | undefined,
    edges: values.outside as 'zero' | 'overlap' | undefined,
  };
  const { recipe, config, backend, threads } = values as OpenEmbedderOptions;
  // Both take time to start; where one fails the other is let go of.
  const [started, ready] = await Promise.allSettled([
    openEmbedder(await resolveWeights(weights), { recipe, config, backend, threads }),
    openMedia({ log: say }),
  ]);
  if (started.status === 'rejected') throw started.reason;
  if (ready.status === 'rejected') {
    await started.value.dispose();
    throw ready.reason;
  }
  const [embedder, reader] = [started.value, ready.value];
  const detector = await createLandmarkDetector(looks);
  const files: VideoScore[] = [];
  const progress = createProgress({ label: 'score', total: positionals.length });
  try {
    const report = await scoreProtocol(embedder.expert, options);
    for (const file of positionals) {
      const score = {
        ...(await scoreVideo(resolve(file), {
          expert: embedder,
          reader,
          detector,
          collect,
          detectionSide,
          ...options,
        })),
        file,
      };
      files.push(score);
      if (!values.json && !values.csv) progress.log(describeScore(score));
      progress.update(files.length);
    }
    progress.stop();
    if (values.json)
      process.stdout.write(`${JSON.stringify({ protocol: report, mean: meanOfFiles(files), files }, null, 2)}\n`);
    else if (values.csv) process.stdout.write(scoreTable(report, files));
    else {
      const mean = meanOfFiles(files);
      if (mean && files.length > 1)
        say(`mean of ${mean.scores} scores: LSE-D ${mean.lseD.toFixed(3)}, LSE-C ${mean.lseC.toFixed(3)}`);
      say(`protocol ${report.name} (${report.hash.slice(0, 12)}): ${report.source}`);
      for (const deviation of report.deviations) say(`  here: ${deviation}`);
      say(
        `distances are of ${embedder.expert.name} (weights ${embedder.expert.weightsHash?.slice(0, 12)}): never compare them with another network's`,
      );
    }
  } finally {
    progress.stop();
    detector.dispose();
    await embedder.dispose();
  }
  return files.some((score) => score.tracks.length === 0) ? 1 : 0;
}

/** Arithmetic mean over files' means where the protocol makes such, else over all faces; undefined where nothing was scored. */
export function meanOfFiles(files: readonly VideoScore[]): { scores: number; lseD: number; lseC: number } | undefined {
  const scores = files.flatMap((file) => (file.mean ? [file.mean] : file.tracks));
  if (scores.length === 0) return undefined;
  const mean = (key: 'lseD' | 'lseC') => scores.reduce((sum, score) => sum + score[key], 0) / scores.length;
  return { scores: scores.length, lseD: mean('lseD'), lseC: mean('lseC') };
}

/** A video's score as people read it. */
export function describeScore({ file, tracks, mean, problems }: VideoScore): string {
  const lines = tracks.map((track) => {
    const lse = `LSE-D ${track.lseD.toFixed(3)}, LSE-C ${track.lseC.toFixed(3)}`;
    const edge = track.atEdge ? ' (at the edge of the search: probably not found)' : '';
    return `${file}: face ${track.track}, ${track.frameCount} frames: ${track.sentence}${edge}; ${lse}`;
  });
  if (mean && tracks.length > 1) {
    lines.push(
      `${file}: mean of ${tracks.length} faces: offset ${mean.offsetFrames}, LSE-D ${mean.lseD.toFixed(3)}, LSE-C ${mean.lseC.toFixed(3)}`,
    );
  }
  return [...lines, ...problems.map((problem) => `${file}: ${problem}`)].join('\n');
}
