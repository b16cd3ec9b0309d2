import type { CompletedCommand } from './command-tree';

/** Shells that a script can be made for. */
export const SHELLS = ['bash', 'zsh', 'fish'] as const;

/**
 * The completion script of a shell for a tree of commands: commands, options and the choices of options; files
 * elsewhere. It is static: pressing Tab starts no program.
 */
export function completionScript(shell: (typeof SHELLS)[number], tree: readonly CompletedCommand[]): string {
  return { bash: bashScript, zsh: zshScript, fish: fishScript }[shell](tree);
}

const quoted = (text: string) => `'${text.replaceAll("'", "'\\''")}'`;
/** Patterns of a `case`, one of which matches. */
const anyOf = (words: readonly string[]) => words.map((word) => `"${word}"`).join('|');
const pathsOf = (tree: readonly CompletedCommand[]) => tree.slice(1).map(({ words }) => words);

/** What follows an option, by `command option`: its choices, or nothing where it is a file or a number. */
function valuesOf(tree: readonly CompletedCommand[]): { after: string[]; choices: readonly string[] }[] {
  return tree.flatMap(({ words, options }) =>
    options
      .filter(({ takesValue }) => takesValue)
      .map(({ flags, choices }) => ({ after: flags.map((flag) => `${words} ${flag}`), choices })),
  );
}

function bashScript(tree: readonly CompletedCommand[]): string {
  const values = valuesOf(tree).map(
    ({ after, choices }) => `    ${anyOf(after)}) words=${quoted(choices.join(' '))} ;;`,
  );
  const commands = tree.map(({ words, subcommands, options }) => {
    const names = subcommands.map(({ name }) => name);
    return `        "${words}") names=${quoted(names.join(' '))} flags=${quoted(options.flatMap(({ flags }) => flags).join(' '))} ;;`;
  });
  return `# bash completion of lipsync: lipsync completion bash > ~/.local/share/bash-completion/completions/lipsync
_lipsync() {
  local at=lipsync word words names flags
  local cur=\${COMP_WORDS[COMP_CWORD]} prev=\${COMP_WORDS[COMP_CWORD-1]}
  for word in "\${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
    case "$at $word" in ${anyOf(pathsOf(tree))}) at="$at $word" ;; esac
  done
  case "$at $prev" in
${values.join('\n')}
    *)
      case "$at" in
${commands.join('\n')}
      esac
      words=$names
      [[ $cur == -* ]] && words=$flags
      ;;
  esac
  COMPREPLY=($(compgen -W "$words" -- "$cur"))
}
complete -o bashdefault -o default -F _lipsync lipsync
`;
}

function zshScript(tree: readonly CompletedCommand[]): string {
  const entry = (name: string, summary: string) => quoted(`${name.replaceAll(':', '\\:')}:${summary}`);
  const values = valuesOf(tree).map(({ after, choices }) =>
    choices.length > 0
      ? `    (${anyOf(after)}) compadd -- ${choices.map(quoted).join(' ')}; return ;;`
      : `    (${anyOf(after)}) _files; return ;;`,
  );
  const commands = tree.map(({ words, subcommands, options }) => {
    const names = subcommands.map(({ name, summary }) => entry(name, summary));
    const flags = options.flatMap((option) => option.flags.map((flag) => entry(flag, option.summary)));
    return `    ("${words}") names=(${names.join(' ')}) flags=(${flags.join(' ')}) ;;`;
  });
  return `#compdef lipsync
# zsh completion of lipsync: lipsync completion zsh > _lipsync, in a folder of $fpath
_lipsync() {
  local at=lipsync word
  local -a names flags
  for word in "\${(@)words[2,CURRENT-1]}"; do
    case "$at $word" in (${anyOf(pathsOf(tree))}) at="$at $word" ;; esac
  done
  case "$at \${words[CURRENT-1]}" in
${values.join('\n')}
  esac
  case "$at" in
${commands.join('\n')}
  esac
  if [[ \${words[CURRENT]} == -* ]]; then
    _describe -o option flags
  elif (( \${#names} > 0 )); then
    _describe command names
    _files
  else
    _files
  fi
}
if [[ $zsh_eval_context[-1] == loadautofunc ]]; then _lipsync "$@"; else compdef _lipsync lipsync; fi
`;
}

function fishScript(tree: readonly CompletedCommand[]): string {
  const lines = tree.flatMap(({ words, subcommands, options }) => {
    const here = `complete -c lipsync -n '__lipsync_at "${words}"'`;
    return [
      ...subcommands.map(({ name, summary }) => `${here} -a ${name} -d ${fishQuoted(summary)}`),
      ...options.map(({ flags, summary, takesValue, choices }) => {
        const names = flags.map((flag) => (flag.startsWith('--') ? `-l ${flag.slice(2)}` : `-s ${flag.slice(1)}`));
        const value = choices.length > 0 ? ` -x -a ${fishQuoted(choices.join(' '))}` : takesValue ? ' -r' : '';
        return `${here} ${names.join(' ')}${value} -d ${fishQuoted(summary)}`;
      }),
    ];
  });
  return `# fish completion of lipsync: lipsync completion fish > ~/.config/fish/completions/lipsync.fish
function __lipsync_at
    set -l at lipsync
    for word in (commandline -opc)[2..-1]
        switch "$at $word"
            case ${pathsOf(tree).map(fishQuoted).join(' ')}
                set at "$at $word"
        end
    end
    test "$at" = "$argv[1]"
end
${lines.join('\n')}
`;
}

const fishQuoted = (text: string) => `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`;
