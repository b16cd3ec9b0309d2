import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { MEDIAPIPE_WEIGHTS } from './index';

// what the build copies, and where from
const built = fileURLToPath(new URL('../dist/models', import.meta.url));
const source = join(dirname(dirname(createRequire(import.meta.url).resolve('@vladmandic/human'))), 'models');

test.each(Object.entries(MEDIAPIPE_WEIGHTS))(
  '%s in the build and in its source have the sums that are listed',
  (_, network) => {
    for (const folder of [built, source]) {
      [network.graph, network.weights].forEach((file, i) => {
        const sum = createHash('sha256')
          .update(readFileSync(join(folder, file)))
          .digest('hex');
        expect(sum, join(folder, file)).toBe(network.sha256[i]);
      });
    }
  },
);

test('the licences of the models lie beside them', () => {
  expect(readFileSync(join(built, 'terms-human.txt'), 'utf8')).toMatch(/^MIT License/);
  expect(readFileSync(join(built, 'terms-mediapipe.txt'), 'utf8')).toContain('Apache License');
  expect(existsSync(join(built, 'NOTICE'))).toBe(true);
});
