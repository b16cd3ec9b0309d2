import { Option } from '@commander-js/extra-typings';
import { BACKEND_NAMES, selectBackend } from '@lipsync/backends';
import { LANDMARK_QUALITY } from '@lipsync/dataloader';
import { choice, keysOf, wholeNumber } from './command';
import { log } from './output';

// Options that several commands have: one name and one meaning each.

export const BACKEND = choice('--backend <name>', 'TensorFlow.js backend; auto: the fastest that starts', [
  'auto',
  ...BACKEND_NAMES,
])
  .default('auto' as const)
  .helpGroup('Backend:');

export const THREADS = wholeNumber('--threads <n>', 'threads of the backend (default: all processors)', 1).helpGroup(
  'Backend:',
);

/** Selects the backend that was asked for and logs which one it is. */
export async function startBackend(options: {
  backend?: (typeof BACKEND_NAMES)[number] | 'auto';
  threads?: number;
}): Promise<void> {
  const { backend, threads } = options;
  await selectBackend({ backend, ...(threads === undefined ? {} : { threads }), log });
}

export const JSON_OUTPUT = new Option('--json', 'print the result as JSON on standard output');

export const HELD_OUT = new Option(
  '--held-out <file>',
  'text file with the names of the validation videos, one a line, without folder and extension ' +
    '(default: the split by people that prepare made)',
);

export const LANDMARK_QUALITY_OPTION = choice(
  '--landmark-quality <name>',
  'landmarks averaged over two test-time augmentations of every second frame (fast), or over five of every frame (careful)',
  keysOf(LANDMARK_QUALITY),
).default('fast' as const);

// The network that a command works on.

export const RECIPE = new Option(
  '--recipe <file>',
  'JSON file that says how the input of --weights is prepared, if the weights file does not',
);

export const CONFIG = new Option(
  '--config <name>',
  'named configuration, or .json file, of an AVAlignNet whose weights file has none',
);

// A sync network that helps.

export const EXPERT_RECIPE = new Option(
  '--expert-recipe <file>',
  'JSON file that says how the input of --expert is prepared, if the weights file does not',
);

export const EXPERT_CONFIG = new Option(
  '--expert-config <name>',
  'named configuration, or .json file, of an AVAlignNet given as --expert, if the weights file has none',
);
