import { lspMel } from '@lipsync/audio-mel';
import { expect, test } from 'vitest';
import { facesFromMouth } from '../post-processing/faces-from-mouth';
import { numbers, relativeDifference } from '../testing/torch-numbers';
import type { PortraitTrack } from '../tracker/portrait-track';
import { mouthDisplacements, trainingClip } from './training-clip';

/** A track whose values are straight lines in time, so that they are known between its frames. */
function lines(firstFrame: number, frameCount: number): PortraitTrack {
  const rows = (size: number) =>
    Float32Array.from({ length: frameCount * size }, (_, i) => (firstFrame + Math.floor(i / size)) * 2 + (i % size));
  const camera = { focal: 1000, x: 0, y: 0 };
  const error = { generic: 0, person: 0 };
  return { firstFrame, frameCount, faces: rows(219), poses: rows(6), mean: new Float32Array(219), camera, error };
}
const waveform = { samples: numbers('audio', [32_000], -0.3, 0.3), sampleRate: 16000 };

test('trainingClip has faces, poses and mel steps of the same times', () => {
  const clip = trainingClip(lines(0, 40), waveform, { fps: 25 });
  expect(clip.frameCount).toBe(94); // the last of 40 frames stands at 1.56 s, frame 93.6 of 60 a second
  for (const frame of [0, 1, 50, 93]) {
    expect(clip.faces[frame * 219 + 7]).toBeCloseTo((frame * 50) / 60 + 7, 4);
    expect(clip.poses[frame * 12 + 3]).toBeCloseTo((frame * 50) / 60 + 3, 4);
    expect(clip.poses[frame * 12 + 9]).toBeCloseTo(frame === 0 ? 0 : 50 / 60, 4);
  }
  const mel = lspMel(waveform);
  expect(clip.mel.steps).toBe(188);
  expect(clip.mel.data).toEqual(mel.data.slice(0, 188 * 80));
});

test('trainingClip of a track within the video begins and ends with it, and with the audio', () => {
  const clip = trainingClip(lines(10, 100), waveform, { fps: 25 });
  expect(clip.frameCount).toBe(96); // frames 24 to 119, the end of two seconds
  expect(clip.faces[0]).toBeCloseTo(20, 4);
  expect(clip.faces[95 * 219]).toBeCloseTo((119 * 50) / 60, 3);
  expect(clip.mel.data).toEqual(lspMel(waveform).data.slice(48 * 80, 240 * 80));
  const same = trainingClip(lines(0, 61), waveform, { fps: 60 });
  expect(same.frameCount).toBe(61);
  expect(same.faces).toEqual(lines(0, 61).faces);
});

test('mouthDisplacements is undone by facesFromMouth', () => {
  const mean = numbers('mean', [219]);
  const faces = Float32Array.from({ length: 3 * 219 }, (_, i) => mean[i % 219]);
  const moved = numbers('moved', [3, 75], -0.01, 0.01);
  const points = [...Array.from({ length: 7 }, (_, i) => 4 + i), ...Array.from({ length: 18 }, (_, i) => 46 + i)];
  for (let frame = 0; frame < 3; frame++)
    points.forEach((point, i) => {
      for (let k = 0; k < 3; k++) faces[frame * 219 + 3 * point + k] += moved[frame * 75 + 3 * i + k];
    });
  const displacements = mouthDisplacements(faces, mean);
  expect(relativeDifference(displacements, moved)).toBeLessThan(1e-5); // float32 differences
  const back = facesFromMouth({ data: displacements, frameCount: 3 }, { mean, amplify: [1, 1, 1], sigma: 0 });
  const sideways = (data: Float32Array) => data.filter((_, i) => i % 3 === 0 && i % 219 >= 46 * 3 && i % 219 < 64 * 3);
  expect(relativeDifference(sideways(back), sideways(faces))).toBeLessThan(1e-6); // up and down, lips may be closed
});

test('trainingClip and mouthDisplacements refuse what does not fit', () => {
  expect(() => trainingClip(lines(0, 4), waveform, { fps: 0 })).toThrow(
    'trainingClip: options.fps must be above 0, got 0',
  );
  expect(() => trainingClip(lines(60, 4), waveform, { fps: 25 })).toThrow(
    'trainingClip: track must be of frames within the audio (120 of 1/60 s), got frame 144 on',
  );
  expect(() => trainingClip(lines(0, 4), { ...waveform, sampleRate: 8000 }, { fps: 25 })).toThrow('16000 Hz');
  expect(() => mouthDisplacements(new Float32Array(218), new Float32Array(219))).toThrow('faces must be of a multiple');
  expect(() => mouthDisplacements(new Float32Array(219), new Float32Array(75))).toThrow(
    'mean must be of 219 values, got 75',
  );
});
