import { Option } from '@commander-js/extra-typings';
import { BACKEND_NAMES, selectBackend } from '@lipsync/backends';
import { LANDMARK_MODELS } from '@lipsync/face-crop';
import { ENGINES } from '@lipsync/score';
import { LANDMARK_QUALITY } from '@lipsync/sync-windows';
import { choice, keysOf, wholeNumber } from './command';
import { log } from './output';

// Options that several commands have: one name and one meaning each. Functions, since an option belongs to one command.

export const backendOption = () =>
  choice('--backend <name>', 'TensorFlow.js backend; auto: the fastest that starts', ['auto', ...BACKEND_NAMES])
    .default('auto' as const)
    .helpGroup('Backend:');

export const engineOption = () =>
  choice(
    '--engine <name>',
    'what computes the networks; auto: onnxruntime where onnxruntime-node is installed and no --backend is named, else TensorFlow.js',
    ENGINES,
  )
    .default('auto' as const)
    .helpGroup('Backend:');

export const threadsOption = () =>
  wholeNumber(
    '--threads <n>',
    'threads of the backend (default: all processors, which the jobs of lipsync score share)',
    1,
  ).helpGroup('Backend:');

export const verboseOption = () =>
  new Option('--verbose', 'also log why other backends were not taken').helpGroup('Backend:');

/** Selects the backend that was asked for and logs which one it is. */
export async function startBackend(options: {
  backend?: (typeof BACKEND_NAMES)[number] | 'auto';
  threads?: number;
  verbose?: boolean;
}): Promise<void> {
  const { backend, threads, verbose } = options;
  await selectBackend({ backend, verbose, ...(threads === undefined ? {} : { threads }), log });
}

export const jsonOption = () => new Option('--json', 'print the result as JSON on standard output');

export const heldOutOption = () =>
  new Option(
    '--held-out <file>',
    'text file with the names of the validation videos, one a line, without folder and extension ' +
      '(default: the split by people that prepare made)',
  );

export const landmarkQualityOption = () =>
  choice(
    '--landmark-quality <name>',
    'landmarks averaged over two test-time augmentations of every second frame (fast), or over five of every frame (careful)',
    keysOf(LANDMARK_QUALITY),
  ).default('fast' as const);

export const landmarkDetectorOption = () =>
  choice(
    '--landmark-detector <name>',
    'networks that find the faces and their landmarks: MediaPipe’s BlazeFace with face-api’s 68 points or with MediaPipe’s Face Mesh, ' +
      'or both of face-api',
    LANDMARK_MODELS,
  ).default(LANDMARK_MODELS[0]);

// The network that a command works on.

export const recipeOption = () =>
  new Option(
    '--recipe <file>',
    'JSON file that says how the input of --weights is prepared, if the weights file does not',
  );

export const configOption = () =>
  new Option('--config <name>', 'named configuration, or .json file, of an AVAlignNet whose weights file has none');

export const prefixOption = () =>
  new Option('--prefix <name>', 'dict to read from a file of --weights that holds several, such as ema_state_dict');

// A sync network that helps.

/** @param purpose completes "a sync network that …". */
export const expertOption = (purpose: string) =>
  new Option(
    '--expert <file>',
    `weights of a sync network that ${purpose}: a file, a name that was fetched, or pretrained, those that are installed with the command`,
  );

export const expertRecipeOption = () =>
  new Option(
    '--expert-recipe <file>',
    'JSON file that says how the input of --expert is prepared, if the weights file does not',
  );

export const expertConfigOption = () =>
  new Option(
    '--expert-config <name>',
    'named configuration, or .json file, of an AVAlignNet given as --expert, if the weights file has none',
  );

export const expertPrefixOption = () =>
  new Option('--expert-prefix <name>', 'dict to read from a file of --expert that holds several');
