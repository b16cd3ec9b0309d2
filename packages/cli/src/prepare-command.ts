import { availableParallelism } from 'node:os';
import { resolve } from 'node:path';
import type { StoreSummary } from '@lipsync/dataloader';
import { UsageError, type CommandSpec, type ParsedCommand } from './command';
import { EFFORT_OPTION, type LandmarkEffort } from './landmark-effort';
import { prepareFolder } from './prepare-folder';
import type { PrepareFolderOptions } from './preparer';
import { createProgress, formatSeconds, type Progress } from './progress';
import { readConfig, readRecipe, say, startBackend } from './setup';
import { recipeFor, TRAINED_NETWORKS, type TrainedNetworkName } from './trained-network';

export const PREPARE: CommandSpec = {
  name: 'prepare',
  positionals: 'VIDEOS CLIPS',
  summary:
    'Finds faces, cuts mouths and computes mel spectrograms of a folder of videos. Stop it at any moment: the same command goes on.',
  options: {
    network: { kind: 'choice', choices: TRAINED_NETWORKS, default: 'avalignnet', help: 'the network that the clips are for' },
    config: { kind: 'text', value: 'NAME', default: 'lite', help: 'of avalignnet: its configuration' },
    recipe: { kind: 'text', value: 'FILE', help: 'or its recipe (JSON)' },
    effort: EFFORT_OPTION,
    landmarks: {
      kind: 'text',
      value: 'DIR',
      help: 'landmark files made elsewhere; those beside the videos are used if not given',
    },
    'min-frames': { kind: 'whole', value: 'N', min: 1, default: 20, help: 'shorter clips are dropped' },
    jobs: { kind: 'whole', value: 'N', min: 1, help: 'processes; all processors if not given' },
    json: { kind: 'flag', help: 'prints the summary as JSON' },
  },
};

export type PrepareReport = StoreSummary & { seconds: number; realTimeFactor: number };

export async function runPrepare({ positionals, values }: ParsedCommand): Promise<void> {
  if (positionals.length !== 2)
    throw new UsageError(`lipsync prepare: VIDEOS CLIPS must be two folders, got ${positionals.length}`);
  const recipePath = values.recipe as string | undefined;
  const landmarks = values.landmarks as string | undefined;
  const report = await showPreparation({
    input: resolve(positionals[0]),
    store: resolve(positionals[1]),
    recipe: recipeFor({
      network: values.network as TrainedNetworkName,
      config: await readConfig(values.config as string),
      ...(recipePath ? { recipe: await readRecipe(recipePath) } : {}),
    }),
    effort: values.effort as LandmarkEffort,
    minFrames: values['min-frames'] as number,
    jobs: values.jobs as number | undefined,
    ...(landmarks ? { landmarks: resolve(landmarks) } : {}),
  });
  if (values.json) process.stdout.write(`${JSON.stringify(report, null, 2)}\n`);
}

/** Runs a preparation to its end with a progress bar and says what was prepared and what was dropped. */
export async function showPreparation(options: PrepareFolderOptions): Promise<PrepareReport> {
  const { jobs = availableParallelism() } = options;
  // Small networks on one picture at a time: a process each with one thread is quicker than threads.
  if (jobs === 1) await startBackend({ backend: 'wasm' });
  let progress: Progress | undefined;
  let summary: StoreSummary | undefined;
  let clips = 0;
  let dropped = 0;
  let preparedBefore = 0;
  const started = Date.now();
  try {
    for await (const event of prepareFolder({ ...options, jobs, log: say })) {
      if (event.kind === 'start') {
        preparedBefore = event.alreadyDone;
        say(`${event.videos} videos, ${event.alreadyDone} of them done before; ${jobs} at a time`);
        progress = createProgress({ label: 'prepare', total: event.videos });
      } else if (event.kind === 'video') {
        clips += event.result.clips.length;
        dropped += event.result.dropped.length;
        for (const { source, track, reason, detail } of event.result.dropped) {
          progress?.log(`dropped ${source}${track === undefined ? '' : ` face ${track}`}: ${reason} (${detail})`);
        }
        progress?.update(event.done, `${clips} clips, ${dropped} drops`);
      } else {
        summary = event.summary;
      }
    }
  } finally {
    progress?.stop();
  }
  const { sources, clips: all, minutes, dropped: reasons } = summary as StoreSummary;
  const seconds = (Date.now() - started) / 1000;
  const realTimeFactor = (minutes * 60) / seconds;
  const drops = Object.entries(reasons).map(([reason, count]) => `${count} ${reason}`);
  say(`${all} clips of ${sources} videos, ${minutes.toFixed(1)} minutes; dropped: ${drops.join(', ') || 'none'}`);
  say(
    `took ${formatSeconds(seconds)}${preparedBefore === 0 ? `, ${realTimeFactor.toFixed(1)} times real time` : ' for the rest'}`,
  );
  return { ...(summary as StoreSummary), seconds, realTimeFactor };
}
