import { resolve } from 'node:path';
import { createLandmarkDetector } from '@lipsync/face-crop';
import { openMedia } from '@lipsync/media';
import { UsageError, type CommandSpec, type ParsedCommand } from './command';
import { EFFORT_OPTION, LANDMARK_EFFORT, type LandmarkEffort } from './landmark-effort';
import { createProgress } from './progress';
import { scoreProtocol, scoreVideo, type VideoScore } from './score-video';
import { BACKEND_OPTIONS, readExpert, say, startBackend } from './setup';

export const SCORE: CommandSpec = {
  name: 'score',
  positionals: '--expert WEIGHTS VIDEO...',
  summary:
    'Says for every face in every video by how much the sound is early or late, with LSE-D and LSE-C of the expert.',
  options: {
    expert: { kind: 'text', value: 'FILE', help: 'weights of AVAlignNet (safetensors)' },
    recipe: { kind: 'text', value: 'FILE', help: 'recipe of the expert (JSON), where its file has none' },
    'max-shift': { kind: 'whole', value: 'N', min: 1, default: 15, help: 'largest offset tried, frames' },
    outside: {
      kind: 'choice',
      choices: ['zero', 'overlap'],
      default: 'zero',
      help: 'beyond the ends: zeros as SyncNet, or left out',
    },
    effort: EFFORT_OPTION,
    json: { kind: 'flag', help: 'prints everything as JSON' },
    ...BACKEND_OPTIONS,
  },
};

/** @returns the exit status: 1 where a file has no score. */
export async function runScore({ positionals, values }: ParsedCommand): Promise<number> {
  if (!values.expert) throw new UsageError('lipsync score: --expert must be a weights file, got none');
  if (positionals.length === 0) throw new UsageError('lipsync score: VIDEO must be one or more files, got none');
  await startBackend(values);
  const { detector: looks, collect } = LANDMARK_EFFORT[values.effort as LandmarkEffort];
  const options = { maxShift: values['max-shift'] as number, outside: values.outside as 'zero' | 'overlap' };
  const reader = await openMedia({ log: say });
  const expert = await readExpert(values.expert as string, values.recipe as string | undefined);
  const detector = await createLandmarkDetector(looks);
  const files: VideoScore[] = [];
  const progress = createProgress({ label: 'score', total: positionals.length });
  try {
    for (const file of positionals) {
      const score = await scoreVideo(resolve(file), { expert, reader, detector, collect, ...options });
      files.push({ ...score, file });
      if (!values.json) progress.log(describeScore({ ...score, file }));
      progress.update(files.length);
    }
  } finally {
    progress.stop();
    detector.dispose();
    expert.dispose();
  }
  if (values.json) {
    process.stdout.write(`${JSON.stringify({ protocol: scoreProtocol(expert, options), files }, null, 2)}\n`);
  } else {
    say(
      `distances are of ${expert.name} (weights ${expert.weightsHash?.slice(0, 12)}): never compare them with another network's`,
    );
  }
  return files.some((score) => score.tracks.length === 0) ? 1 : 0;
}

/** A video's score as people read it. */
export function describeScore({ file, tracks, problems }: VideoScore): string {
  const lines = tracks.map((track) => {
    const lse = `LSE-D ${track.lseD.toFixed(3)}, LSE-C ${track.lseC.toFixed(3)}`;
    const edge = track.atEdge ? ' (at the edge of the search: probably not found)' : '';
    return `${file}: face ${track.track}, ${track.frames} frames: ${track.sentence}${edge}; ${lse}`;
  });
  return [...lines, ...problems.map((problem) => `${file}: ${problem}`)].join('\n');
}
