import { UsageError } from './command';

/** Library functions that commands call with what the user wrote. */
const CALLED = new Set([
  'loadExpert',
  'scoreVideo',
  'scoreProtocol',
  'prepareFolder',
  'mergeStores',
  'trainExpert',
  'trainGenerator',
  'evaluateExpert',
  'evaluateGenerator',
  'dubVideo',
  'openEmbedder',
  'selectBackend',
]);

/** Options that are named otherwise than the library's arguments. */
const RENAMED: Readonly<Record<string, string>> = { source: 'weights', segmentSec: 'segment', expert: 'weights' };

/**
 * A library's error about an argument (`where: argument must be …`) as a usage error that names the option which set
 * it; undefined where no option of the command did.
 *
 * `loadExpert` loads the network of `--weights`, except in commands that have `--expert`, where it loads that.
 *
 * @param flags long flags of the command that runs, such as `--weights`.
 */
export function asUsageError(error: unknown, flags: readonly string[]): UsageError | undefined {
  if (error instanceof UsageError) return error;
  if (!(error instanceof Error)) return undefined;
  const [, where, argument, rest] = /^(\w+): (?:options\.)?(\w+) (must .*)$/s.exec(error.message) ?? [];
  if (where === 'listVideos') return new UsageError(`VIDEOS ${rest}`, { cause: error });
  if (where === undefined || !CALLED.has(where)) return optionsNamed(error, flags);
  if (argument === 'store' && where.startsWith('train')) return new UsageError(`CLIPS ${rest}`, { cause: error });
  const flag = flagOf(where, argument, flags);
  if (flag === undefined) return optionsNamed(error, flags);
  const helper = flag.startsWith('--expert');
  // Other arguments that the rule speaks of.
  const named = rest.replace(/\b(options\.)?([a-z]+(?:[A-Z][a-z]+)*)\b/g, (word, inOptions, argument) => {
    if (!inOptions && !/[A-Z]/.test(argument)) return word;
    const own = `--${helper && inOptions ? 'expert-' : ''}${kebab(argument)}`;
    return flags.includes(own) ? own : word;
  });
  return new UsageError(`${flag} ${named.replace(/got undefined$/, 'got none')}`, { cause: error });
}

/** An error of another function whose rule speaks of `options.x`, where the command has an option of that name. */
function optionsNamed(error: Error, flags: readonly string[]): UsageError | undefined {
  const helper = flags.includes('--expert') && !flags.includes('--weights');
  let named = false;
  const text = error.message.replace(/\boptions\.([a-z][A-Za-z]*)\b/g, (word, argument: string) => {
    const flag = `--${helper ? 'expert-' : ''}${kebab(argument)}`;
    if (!flags.includes(flag)) return word;
    named = true;
    return flag;
  });
  return named ? new UsageError(text.replace(/^[\w.]+: /, ''), { cause: error }) : undefined;
}

function flagOf(where: string, argument: string, flags: readonly string[]): string | undefined {
  const helper = where === 'loadExpert' && flags.includes('--expert');
  const names = helper
    ? [argument === 'source' ? 'expert' : `expert-${argument}`]
    : [kebab(argument), RENAMED[argument] ?? ''];
  return names.map((name) => `--${name}`).find((flag) => flags.includes(flag));
}

const kebab = (name: string) => name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
