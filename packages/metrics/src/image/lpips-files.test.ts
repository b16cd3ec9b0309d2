import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { selectBackend } from '@lipsync/backends';
import { readStateDict } from '@lipsync/checkpoints';
import * as tf from '@tensorflow/tfjs-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { relativeDifference } from '../testing/formula-images';
import { lpipsCases, noisePair } from '../testing/lpips-cases';
import { Lpips, type LpipsNet, lpips } from './lpips';

// Files as the published ones lie, written by PyTorch itself: from torch.save to the number.

const python = '/usr/bin/python3';
const script = fileURLToPath(new URL('../../../../reference/metrics-lpips.py', import.meta.url));
const hasTorch = (() => {
  try {
    execFileSync(python, ['-c', 'import torch, torchvision'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
})();
const skipped = hasTorch ? '' : ' [skipped: no PyTorch]';
let folder: string;

beforeAll(async () => {
  await selectBackend({ backend: 'wasm' });
  folder = mkdtempSync(join(tmpdir(), 'lipsync-lpips-'));
  if (hasTorch) execFileSync(python, [script, '--only-save', folder]);
}, 120_000);
afterAll(() => rmSync(folder, { recursive: true }));

test.skipIf(!hasTorch).each(Object.keys(lpipsCases.nets) as LpipsNet[])(
  `Lpips of %s gives PyTorch's number from files of torch.save: trunk and linear layers (zip), the whole module (legacy)${skipped}`,
  async (net) => {
    const pair = noisePair(net);
    for (const parts of [['trunk', 'linear'], ['whole']]) {
      const files = await Promise.all(parts.map((part) => readStateDict(join(folder, `${net}-${part}.pth`))));
      expect(new Set(files.map(({ format }) => format))).toEqual(
        new Set([parts.length === 2 ? 'torch-zip' : 'torch-legacy']),
      );
      const network = new Lpips({ net });
      network.loadStateDict(new Map(files.flatMap(({ state }) => [...state])));
      expect(
        relativeDifference(await lpips(network, ...pair, { range: [-1, 1] }), lpipsCases.nets[net].reference),
      ).toBeLessThan(2e-6); // measured 1.3e-7
      network.dispose();
    }
    tf.dispose(pair);
  },
  60_000,
);
