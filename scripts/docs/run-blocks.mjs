/** Executes blocks of pages on the built packages, each in a process of its own, in a folder with small inputs. */
import { spawn } from 'node:child_process';
import { cpSync, mkdirSync, writeFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import ts from 'typescript';
import { makeInputs } from './make-inputs.mjs';

const LIMIT_MS = 300_000;

export async function runBlocks({ root, scratch, blocks, report }) {
  const inputs = join(scratch, 'inputs');
  mkdirSync(inputs, { recursive: true });
  await makeInputs(inputs);
  for (const block of blocks) {
    const name = `${block.file.replaceAll(/[^\w]+/g, '-')}-${block.line}`;
    const folder = join(scratch, `run-${name}`);
    cpSync(inputs, folder, { recursive: true });
    const started = Date.now();
    const words =
      block.language === 'sh' ? shellProgram(block, { root, scratch }) : nodeProgram(block, join(scratch, name));
    const { status, output } = await execute(words, folder);
    if (status !== 0)
      report(
        block.file,
        block.line,
        `the block ended with ${status}\n${output.replaceAll(`${root}/`, '').slice(-2000)}`,
      );
    console.log(`docs: ${block.file}:${block.line} ran in ${((Date.now() - started) / 1000).toFixed(1)} s`);
  }
}

/** A block of TypeScript as a file for Node. */
function nodeProgram({ given, text }, name) {
  const program = `${name}.run.mjs`;
  const options = { target: ts.ScriptTarget.ES2022, module: ts.ModuleKind.ESNext };
  writeFileSync(program, ts.transpile(`${given}\n${text}`, options));
  return { command: process.execPath, args: [program], path: '' };
}

/** Lines of a shell, which stops at the first that fails; `npx @lipsync/cli` and `npx lipsync` are the built command. */
function shellProgram({ text }, { root, scratch }) {
  const path = join(scratch, 'bin');
  mkdirSync(path, { recursive: true });
  const command = join(root, 'packages/cli/dist/lipsync.js');
  writeFileSync(join(path, 'npx'), `#!/bin/sh\nshift\nexec "${process.execPath}" "${command}" "$@"\n`, { mode: 0o755 });
  return { command: 'sh', args: ['-ec', text], path: `${path}${delimiter}` };
}

function execute({ command, args, path }, folder) {
  return new Promise((resolve) => {
    const env = { ...process.env, PATH: `${path}${process.env.PATH}` };
    const child = spawn(command, args, { cwd: folder, env, stdio: ['ignore', 'pipe', 'pipe'] });
    let output = '';
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (text) => (output += text));
    const timer = setTimeout(() => child.kill('SIGKILL'), LIMIT_MS);
    child.on('close', (code, signal) => {
      clearTimeout(timer);
      resolve({ status: signal ?? code, output });
    });
  });
}
