#!/usr/bin/env node
import { runLipsync } from './terminal/run-lipsync';

void runLipsync(process.argv.slice(2)).then((status) => {
  process.exitCode = status;
});
