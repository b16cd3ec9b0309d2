import { resolve } from 'node:path';
import { Option } from '@commander-js/extra-typings';
import { choice, createCommand, keysOf, UsageError } from '../terminal/command';
import { helpEnd } from '../terminal/help-end';
import { jsonOption } from '../terminal/options';
import { log, printJson } from '../terminal/output';
import { createProgress, type Progress } from '../terminal/progress';
import { convertWeights, DTYPES } from './convert-weights';
import { fetchWeights, publishedFile, resolveWeights } from './fetch-weights';
import { describeWeights, inspectWeights } from './inspect-weights';
import { megabytes } from './megabytes';
import { PUBLISHED_FILES } from './published-weights';

const PREFIX = new Option('--prefix <name>', 'dict to read from a file that holds several, such as state_dict.net_g');

/** `lipsync weights`. */
export function weightsCommand() {
  return createCommand('weights', 'Inspects, converts or fetches weights files. No code in a file is ever run.')
    .addCommand(inspectCommand())
    .addCommand(convertCommand())
    .addCommand(fetchCommand());
}

function inspectCommand() {
  return createCommand('inspect', 'Describes a weights file: which network, how many parameters, its recipe.')
    .addHelpText(
      'after',
      helpEnd({ examples: ['weights inspect run/weights.safetensors', 'weights inspect pretrained --json'] }),
    )
    .argument('<file>', 'weights file (safetensors, PyTorch, npy or npz), or the name of a fetched one')
    .addOption(PREFIX)
    .addOption(jsonOption())
    .action(async (file, { prefix, json }) => {
      const report = await inspectWeights(await resolveWeights(file, 'FILE'), prefix);
      if (json) printJson(report);
      else process.stdout.write(describeWeights(report));
    });
}

function convertCommand() {
  return createCommand('convert', 'Writes a weights file as safetensors.')
    .addHelpText('after', helpEnd({ examples: ['weights convert syncnet_v2.model syncnet.safetensors --dtype f16'] }))
    .argument('<file>', 'weights file, or the name of a fetched one')
    .argument('<out>', 'file that is written, .safetensors')
    .addOption(PREFIX)
    .addOption(
      choice('--dtype <name>', 'type of the stored weights; keep: as in the source', keysOf(DTYPES)).default(
        'keep' as const,
      ),
    )
    .option('--force', 'overwrite OUT')
    .addOption(jsonOption())
    .action(async (file, out, { json, ...options }) => {
      const result = await convertWeights(await resolveWeights(file, 'FILE'), resolve(out), options);
      log(`${result.tensors} tensors, ${megabytes(result.bytesBefore)} before, ${megabytes(result.bytes)} now: ${out}`);
      if (json) printJson(result);
    });
}

function fetchCommand() {
  return createCommand('fetch', 'Downloads published weights into a cache; other commands take them by their names.')
    .addHelpText('after', helpEnd({ examples: ['weights fetch --list', 'weights fetch syncnet-v2 syncnet-example'] }))
    .argument('[names...]', 'names of published files; see --list')
    .option('--list', 'list all names')
    .option(
      '--mirror <place>',
      'another https address, or a folder, to take the files from (default: LIPSYNC_WEIGHTS_MIRROR, else the official address)',
    )
    .option(
      '--cache <dir>',
      'folder that keeps the files (default: LIPSYNC_CACHE, else the system’s folder for caches)',
    )
    .addOption(jsonOption())
    .action(async (names, { list, json, ...places }) => {
      if (!list && names.length === 0) throw new UsageError('NAME must be a published name (see --list), got none');
      if (list)
        for (const { name, file, what, note } of PUBLISHED_FILES)
          process.stdout.write(`${name.padEnd(22)} ${file.padEnd(38)} ${what}${note ? ` (${note})` : ''}\n`);
      for (const name of names) {
        const fetched = await fetchWithProgress(name, places);
        if (json) printJson(fetched);
      }
    });
}

async function fetchWithProgress(name: string, places: { mirror?: string; cache?: string }) {
  publishedFile(name);
  let progress: Progress | undefined;
  const onProgress = (done: number, of: number) => {
    progress ??= createProgress({ label: name, total: Math.ceil((Number.isFinite(of) ? of : done) / 1e6) });
    progress.update(Math.floor(done / 1e6), `${megabytes(done)}`);
  };
  try {
    const fetched = await fetchWeights(name, { ...places, onProgress, log });
    progress?.stop();
    const { cached, path, bytes, sha256 } = fetched;
    log(`${cached ? 'in the cache' : 'fetched'}: ${path} (${megabytes(bytes)}, SHA-256 ${sha256})`);
    return fetched;
  } finally {
    progress?.stop();
  }
}
