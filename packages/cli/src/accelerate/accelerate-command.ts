import { buildAccelerator, openAccelerator } from '@lipsync/accelerator-onednn';
import type { CommandSpec, ParsedCommand } from '../terminal/command';
import { say } from '../terminal/setup';

export const ACCELERATE: CommandSpec = {
  name: 'accelerate',
  positionals: '',
  summary:
    'Builds native kernels for this machine: training and scoring several times as fast. Needs a C++ compiler and libdnnl-dev; downloads nothing.',
  options: {
    check: { kind: 'flag', help: 'only says whether they are there' },
    compiler: { kind: 'text', value: 'PROGRAM', help: 'the C++ compiler; the variable CXX, or c++, if not given' },
    json: { kind: 'flag', help: 'prints the result as JSON' },
  },
};

/** @returns the exit status: 1 where there is no accelerator in the end. */
export async function runAccelerate({ values }: ParsedCommand): Promise<number> {
  if (!values.check) {
    say('compiling; this takes ten seconds or so');
    await buildAccelerator({ compiler: values.compiler as string | undefined });
  }
  const opened = openAccelerator();
  const result = opened.kernels
    ? { accelerator: `oneDNN ${opened.version}`, threads: opened.threads }
    : { accelerator: null, reason: opened.reason };
  if (values.json) process.stdout.write(`${JSON.stringify(result, null, 2)}\n`);
  else if (opened.kernels)
    say(
      `accelerator: oneDNN ${opened.version}, ${opened.threads} threads; every lipsync command here uses it (LIPSYNC_ACCELERATOR=0 leaves it out)`,
    );
  else say(`no accelerator: ${opened.reason}`);
  return opened.kernels ? 0 : 1;
}
