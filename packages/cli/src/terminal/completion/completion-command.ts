import { Argument, type CommandUnknownOpts } from '@commander-js/extra-typings';
import { createCommand } from '../command';
import { commandTree } from './command-tree';
import { completionScript, SHELLS } from './completion-scripts';

/** `lipsync completion`: completes the commands of the program that it is added to. */
export function completionCommand(program: CommandUnknownOpts) {
  return createCommand('completion', 'Prints a script by which a shell completes commands, options and their values.')
    .addArgument(new Argument('<shell>', 'shell that completes').choices(SHELLS))
    .addHelpText(
      'after',
      `
Examples:
  lipsync completion bash > ~/.local/share/bash-completion/completions/lipsync
  lipsync completion zsh > ~/.zfunc/_lipsync        (with fpath+=~/.zfunc before compinit)
  lipsync completion fish > ~/.config/fish/completions/lipsync.fish`,
    )
    .action((shell) => {
      process.stdout.write(completionScript(shell, commandTree(program)));
    });
}
