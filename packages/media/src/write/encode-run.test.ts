import { expect, test } from 'vitest';
import { ffmpeg, SKIPPED } from '../testing/clips';
import { encodeRun } from './encode-run';

test.skipIf(!ffmpeg)(`encodeRun raises with the reason${SKIPPED}`, async () => {
  await expect(encodeRun(ffmpeg!.path, 'here', ['-i', 'file:/no/such', '-f', 'null', '-'])).rejects.toThrow(
    /^here: ffmpeg must come to its end, got .*No such file/,
  );
});
