import { resolve } from 'node:path';
import { LAYOUTS, mergeStores } from '@lipsync/dataloader';
import { choice, createCommand, decimal, keysOf, wholeNumber } from '../terminal/command';
import { helpEnd } from '../terminal/help-end';
import { assertFolder } from '../terminal/media-options';
import { jsonOption } from '../terminal/options';
import { log, printJson } from '../terminal/output';
import { describeSummary } from './describe-summary';

/** `lipsync prepare merge`. */
export function mergeCommand() {
  return createCommand(
    'merge',
    'Joins what lipsync prepare --shard prepared: counts the clips and splits them by people.',
  )
    .argument('<clips>', 'folder of clips that receives the parts, or that all shards wrote into')
    .argument('[parts...]', 'folders of clips that other machines wrote')
    .addOption(
      choice('--layout <name>', 'what the names of folders and files say', ['auto', ...keysOf(LAYOUTS)]).default(
        'auto' as const,
      ),
    )
    .addOption(decimal('--validation-share <x>', 'share of the clips for validation, split by people').default(0.15))
    .addOption(wholeNumber('--seed <n>', 'seed of the train/validation split').default(0))
    .option(
      '--allow-different <names>',
      'settings in which the parts may differ, separated by commas, such as landmarkQuality,preparation.gates; the error about a difference says ' +
        'which may (default: none)',
    )
    .addOption(jsonOption())
    .addHelpText('after', helpEnd({ examples: ['prepare merge clips part0 part1'] }))
    .action(async (clips, parts, { json, allowDifferent, ...options }) => {
      for (const part of parts) await assertFolder('PARTS', part);
      const folders = parts.map((part) => resolve(part));
      const { summary, split } = await mergeStores(resolve(clips), folders, {
        ...options,
        allowDifferent: allowDifferent?.split(','),
        log,
      });
      describeSummary(summary, split);
      if (json) printJson(summary);
    });
}
