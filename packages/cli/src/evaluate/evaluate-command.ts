import { createCommand, renamedCommand } from '../terminal/command';
import { evaluateExpertCommand } from './evaluate-expert-command';
import { evaluateGeneratorCommand } from './evaluate-generator-command';

/** `lipsync evaluate`. */
export function evaluateCommand() {
  return createCommand('evaluate', 'Measures a sync network or a generator on validation clips.')
    .addCommand(evaluateExpertCommand())
    .addCommand(evaluateGeneratorCommand())
    .addCommand(renamedCommand('dinet', 'lipsync evaluate generator'), { hidden: true });
}
