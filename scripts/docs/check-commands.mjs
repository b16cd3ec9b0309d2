/**
 * Checks the lines of `sh` blocks: options of `lipsync` against the help of its commands, names of packages that are installed, scripts that npm and pnpm
 * run. A line ends at a comment, a pipe or an operator; a backslash continues it.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const LIPSYNC = /^npx (?:-\S+ )*(?:@lipsync\/cli|lipsync) (.*)$/;

export function checkCommands({ root, packages, blocks, report }) {
  const { scripts } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  const program = join(root, 'packages/cli/dist/lipsync.js');
  const helps = new Map();
  const helpOf = (words) => {
    const key = words.join(' ');
    if (!helps.has(key)) {
      const { status, stdout } = spawnSync(process.execPath, [program, ...words, '--help'], { encoding: 'utf8' });
      helps.set(key, status === 0 ? stdout : undefined);
    }
    return helps.get(key);
  };
  let checked = 0;
  for (const { file, line, text } of blocks) {
    const say = (at, message) => report(file, line + at, message);
    for (const { command, at } of commandsOf(text)) {
      const script = /^(?:npm run|pnpm(?: run)?) ([\w:]+)/.exec(command)?.[1];
      if (script && !['exec', 'install', 'add', 'build', 'pack'].includes(script) && !scripts[script])
        say(at, `package.json has no script ${script}`);
      for (const [, name] of /^(npm|pnpm) (i|install|add) /.test(command)
        ? command.matchAll(/@lipsync\/([\w-]+)/g)
        : [])
        if (!packages.includes(name)) say(at, `there is no package @lipsync/${name}`);
      const words = LIPSYNC.exec(command)?.[1].split(/\s+/);
      if (!words || !existsSync(program)) continue;
      checked += 1;
      const problem = problemOf(words, helpOf);
      if (problem) say(at, problem);
    }
  }
  return checked;
}

/** The commands of a block, each with its line: `{ command, at }`. */
function commandsOf(text) {
  const commands = [];
  let open = '';
  text.split('\n').forEach((raw, at) => {
    const continued = /\\$/.test(raw);
    open += `${raw.replace(/(^|\s)#.*$/, '').replace(/\\$/, '')} `;
    if (continued) return;
    for (const part of open.split(/\|\||&&|[|;>]/))
      commands.push({ command: part.replace(/^\s*(?:\w+=\S+\s+)*/, '').trim(), at });
    open = '';
  });
  return commands.filter(({ command }) => command !== '');
}

/** What is wrong with the words after `lipsync`: an unknown command, or an option that its help does not have. */
function problemOf(words, helpOf) {
  const options = words.filter((word) => /^--?[a-z]/i.test(word)).map((word) => word.split('=')[0]);
  const plain = words
    .slice(0, words.findIndex((word) => word.startsWith('-')) >>> 0)
    .filter((word) => /^[a-z-]+$/.test(word));
  const command = plain.slice(0, 1);
  const listed = helpOf([]);
  if (command.length > 0 && !new RegExp(`^  ${command[0]}\\b`, 'm').test(listed))
    return `lipsync has no command ${command[0]}`;
  const help = command.length > 0 ? helpOf(command) : listed;
  const below =
    plain[1] && new RegExp(`^  ${plain[1]}\\b`, 'm').test(help.split(/^Commands:/m)[1] ?? '') ? [plain[1]] : [];
  // `train CLIPS` is short for `train expert CLIPS`.
  const whole = command[0] === 'train' && below.length === 0 ? ['expert'] : below;
  const texts = [help, whole.length > 0 ? helpOf([...command, ...whole]) : ''].join('\n');
  const unknown = options.filter((option) => !new RegExp(`(^|[\\s,])${option}(?![\\w-])`, 'm').test(texts));
  return unknown.length > 0
    ? `lipsync ${[...command, ...below].join(' ')} has no option ${unknown.join(', ')}`
    : undefined;
}
