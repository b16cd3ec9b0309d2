import { encodeSafetensors } from '@lipsync/checkpoints';
import { trackFromLandmarks } from '@lipsync/face-crop/arrays';
import { describe, expect, test } from 'vitest';
import { readFixture, relativeDifference } from '../testing/torch-numbers';
import { loadPortraitClip, savePortraitClip } from './portrait-file';
import { trackPortrait, trackPortraits } from './track-portrait';

const { landmarks } = readFixture<{ landmarks: number[] }>('tracker');
const image = { width: 640, height: 480 };
const half = (first: number, end: number, firstFrame = 0) =>
  trackFromLandmarks(Float32Array.from(landmarks.slice(136 * first, 136 * end)), { firstFrame });
const track = trackPortrait(half(0, 7, 5), { image });
const clip = { track, fps: 25, audio: { samples: Float32Array.of(0, 0.5, -0.5), sampleRate: 16000 } };

describe('loadPortraitClip', () => {
  test('reads what savePortraitClip wrote, the same bytes each time', async () => {
    const bytes = savePortraitClip(clip);
    expect(await loadPortraitClip(bytes)).toEqual(clip);
    expect(savePortraitClip(await loadPortraitClip(bytes))).toEqual(bytes);
  });

  const floats = (...shape: number[]) => ({
    ...{ dtype: 'float32' as const, shape },
    data: new Float32Array(shape.reduce((a, b) => a * b)),
  });
  const facts = JSON.stringify({
    ...{ fps: 25, firstFrame: 0, sampleRate: 16000 },
    ...{ camera: { focal: 1, x: 0, y: 0 }, error: { generic: 0, person: 0 } },
  });
  test.each<[string, Uint8Array, string]>([
    ['text', new TextEncoder().encode('no file of ours, but long enough'), 'decodeSafetensors: '],
    ['weights', encodeSafetensors(new Map([['a', floats(1)]])), 'source must be a file with format'],
    [
      'broken facts',
      encodeSafetensors(new Map(), { format: 'lipsync portrait 1', facts: '{' }),
      'metadata.facts must be',
    ],
    [
      'facts of null',
      encodeSafetensors(new Map(), { format: 'lipsync portrait 1', facts: 'null' }),
      'metadata.facts must be',
    ],
    [
      'no poses',
      encodeSafetensors(new Map(), { format: 'lipsync portrait 1', facts }),
      'poses must be float32 [any, 6], got none',
    ],
    [
      'faces of another number of frames',
      encodeSafetensors(
        new Map([
          ['poses', floats(3, 6)],
          ['faces', floats(2, 73, 3)],
          ['mean', floats(73, 3)],
          ['samples', floats(1)],
        ]),
        { format: 'lipsync portrait 1', facts },
      ),
      'faces must be float32 [3, 73, 3], got float32 [2,73,3]',
    ],
  ])('refuses %s', async (_, bytes, message) => {
    await expect(loadPortraitClip(bytes)).rejects.toThrow(message);
  });
});

test('trackPortraits fits one face to all recordings of a person', () => {
  const both = trackPortraits([half(0, 3), half(3, 7, 9)], { image, smoothLandmarks: false, poseSigma: 0 });
  const whole = trackPortrait(half(0, 7), { image, smoothLandmarks: false, poseSigma: 0 });
  expect(both.map(({ firstFrame, frameCount }) => [firstFrame, frameCount])).toEqual([
    [0, 3],
    [9, 4],
  ]);
  const poses = both.flatMap((one) => Array.from(one.poses));
  expect(relativeDifference(poses, whole.poses)).toBe(0);
  expect(both[0].mean).toEqual(whole.mean);
  expect(both[1].mean).toEqual(whole.mean);
  expect(() => trackPortraits([], { image })).toThrow('trackPortrait: tracks must be at least one, got 0');
});
