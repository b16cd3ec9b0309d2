#!/usr/bin/env node
import { runLipsync } from './run-lipsync';

void runLipsync(process.argv.slice(2)).then((status) => {
  process.exitCode = status;
});
