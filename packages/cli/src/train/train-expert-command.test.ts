import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { AUDIO_FEATURES } from '@lipsync/contracts';
import { ClipStore } from '@lipsync/dataloader';
import { storedCropFor } from '@lipsync/sync-windows';
import { recipeFor } from '@lipsync/train';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { runLipsync } from '../terminal/run-lipsync';
import { captureOutput } from '../testing/capture-output';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'train-expert-'));
});
afterAll(() => rm(folder, { recursive: true }));

test('lipsync train expert says how clips of another network are prepared', async () => {
  const clips = join(folder, 'clips');
  const { crop, features, fps } = recipeFor({ network: 'avalignnet' });
  await ClipStore.create(clips, { crop: storedCropFor(crop), features, fps, ...AUDIO_FEATURES[features] });
  const output = captureOutput();
  try {
    const words = ['train', 'expert', clips, '--out', join(folder, 'run'), '--network', 'syncnet'];
    expect(await runLipsync(words)).toBe(2);
    expect(output.err).toContain(
      `CLIPS must be prepared for this network (lipsync prepare --network, --config, --recipe), got ${clips}: `,
    );
    expect(output.err).not.toContain('SyncLoader');
  } finally {
    output.restore();
  }
});
