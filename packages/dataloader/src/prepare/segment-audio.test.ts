import { audioFeatures, melSpectrogram, THESIS_MEL } from '@lipsync/audio-mel';
import type { Waveform } from '@lipsync/contracts';
import { AudioCursor } from '@lipsync/sync-windows';
import { expect, test } from 'vitest';
import { madeAudio } from '../../../sync-windows/src/testing/made-video';
import { segmentAudio } from './segment-audio';

const FRAMES = 100;
const audio = madeAudio(FRAMES * 640);

async function* pieces(samples = audio): AsyncGenerator<Waveform> {
  for (let start = 0; start < samples.length; start += 5000)
    yield { samples: samples.subarray(start, start + 5000), sampleRate: 16000 };
}

test.each([
  [0, 30],
  [5, 40],
  [35, 50],
  [60, 40],
])('features of frames %d to %d more are those of the whole audio, bit for bit', async (firstFrame, frameCount) => {
  const piece = await segmentAudio(new AudioCursor(pieces()), { firstFrame, frameCount, fps: 25 });
  expect(piece.samples).toEqual(audio.slice(firstFrame * 640, (firstFrame + frameCount) * 640));
  for (const [name, whole, perFrame] of [
    ['THESIS_MEL', melSpectrogram({ samples: audio, sampleRate: 16000 }, THESIS_MEL), 3.2],
    ['SYNCNET_MFCC', audioFeatures('SYNCNET_MFCC').compute({ samples: audio, sampleRate: 16000 }), 4],
  ] as const) {
    const steps = Math.ceil(perFrame * frameCount) + 1;
    const from = Math.round(perFrame * firstFrame);
    const found = piece.features(name, steps);
    expect(found.steps).toBe(Math.min(steps, whole.steps - from));
    expect(found.data).toEqual(whole.data.slice(from * whole.bins, (from + found.steps) * whole.bins));
  }
});

test.each([-12, -1, 7])(
  'an audio track moved by %d frames has the features of one that was moved as a whole',
  async (delayFrames) => {
    const moved = new Float32Array(Math.max(0, FRAMES + delayFrames) * 640);
    for (let i = 0; i < moved.length; i++) moved[i] = audio[i - delayFrames * 640] ?? 0;
    const firstFrame = 40;
    const piece = await segmentAudio(new AudioCursor(pieces()), { firstFrame, frameCount: 30, fps: 25, delayFrames });
    expect(piece.samples).toEqual(moved.slice(firstFrame * 640, 70 * 640));
    const whole = melSpectrogram({ samples: moved, sampleRate: 16000 }, THESIS_MEL);
    expect(piece.features('THESIS_MEL', 97).data).toEqual(whole.data.slice(128 * 80, 225 * 80));
  },
);

test('an audio track that ends before the frames gives fewer samples and steps, none where it never came so far', async () => {
  const short = await segmentAudio(new AudioCursor(pieces(audio.slice(0, 50 * 640))), {
    firstFrame: 40,
    frameCount: 30,
    fps: 25,
  });
  expect(short.samples).toHaveLength(10 * 640);
  expect(short.features('THESIS_MEL', 97).steps).toBe(33);
  const none = await segmentAudio(new AudioCursor(pieces(audio.slice(0, 20 * 640))), {
    firstFrame: 40,
    frameCount: 30,
    fps: 25,
  });
  expect([none.samples.length, none.features('THESIS_MEL', 97).steps]).toEqual([0, 0]);
});
