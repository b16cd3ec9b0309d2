#!/usr/bin/env node
// In the repository before it is built, so that installing can link the command.
import '../dist/lipsync.js';
