import { createCommand } from '../terminal/command';
import { helpEnd } from '../terminal/help-end';
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
    .addCommand(trainGeneratorCommand());
}
