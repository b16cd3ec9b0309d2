import { existsSync } from 'node:fs';
import { createCommand, UsageError } from '../terminal/command';
import { helpEnd } from '../terminal/help-end';
import { nearWord } from '../terminal/near-word';
import { trainExpertCommand } from './train-expert-command';
import { trainGeneratorCommand } from './train-generator-command';

/** `lipsync train`: an expert unless `generator` follows. */
export function trainCommand() {
  return createCommand(
    'train',
    'Trains a sync network (train CLIPS is short for train expert CLIPS) or a generator on prepared clips.',
  )
    .usage('[expert|generator] CLIPS --out DIR [options]')
    .addHelpText('after', helpEnd({ examples: ['train clips --out run', 'train generator --help'] }))
    .addCommand(trainExpertCommand(), { isDefault: true })
    .addCommand(trainGeneratorCommand())
    .hook('preSubcommand', ({ args: [word = ''] }) => {
      // A mistyped word would be taken for CLIPS.
      const meant = nearWord(word, ['expert', 'generator']);
      if (meant && !existsSync(word)) throw new UsageError(`unknown command '${word}' (Did you mean ${meant}?)`);
    });
}
