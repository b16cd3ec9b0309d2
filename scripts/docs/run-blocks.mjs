/** Executes blocks of pages on the built packages, each in a process of its own, in a folder with small inputs. */
import { spawn } from 'node:child_process';
import { cpSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
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
    const program = join(scratch, `${name}.run.mjs`);
    const options = { target: ts.ScriptTarget.ES2022, module: ts.ModuleKind.ESNext };
    writeFileSync(program, ts.transpile(`${block.given}\n${block.text}`, options));
    const started = Date.now();
    const { status, output } = await execute(program, folder);
    if (status !== 0)
      report(
        block.file,
        block.line,
        `the block ended with ${status}\n${output.replaceAll(`${root}/`, '').slice(-2000)}`,
      );
    console.log(`docs: ${block.file}:${block.line} ran in ${((Date.now() - started) / 1000).toFixed(1)} s`);
  }
}

function execute(program, folder) {
  return new Promise((resolve) => {
    const child = spawn(process.execPath, [program], { cwd: folder, stdio: ['ignore', 'pipe', 'pipe'] });
    let output = '';
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (text) => (output += text));
    const timer = setTimeout(() => child.kill('SIGKILL'), LIMIT_MS);
    child.on('close', (code, signal) => {
      clearTimeout(timer);
      resolve({ status: signal ?? code, output });
    });
  });
}
