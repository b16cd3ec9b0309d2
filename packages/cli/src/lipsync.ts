#!/usr/bin/env node
import { endWithReader } from './terminal/broken-pipe';
import { runLipsync } from './terminal/run-lipsync';

for (const output of [process.stdout, process.stderr]) endWithReader(output, () => process.exit());

void runLipsync(process.argv.slice(2)).then((status) => {
  process.exitCode = status;
});
