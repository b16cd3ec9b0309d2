import { expect, test } from 'vitest';
import { audioFeatures, featureStepCount, featureStream } from './audio-features';
import { THESIS_MEL } from './mel/mel-recipe';
import { melSpectrogram } from './mel/mel-spectrogram';
import { mfcc } from './mfcc/mfcc';

const waveform = { samples: Float32Array.from({ length: 3000 }, (_, i) => Math.sin(i / 5) / 2), sampleRate: 16000 };

test('featureStream and audioFeatures give the features of the name', () => {
  const collect = (name: Parameters<typeof featureStream>[0]) => {
    const stream = featureStream(name);
    return [...stream.push(waveform.samples), ...stream.end()];
  };
  expect(collect('SYNCNET_MFCC')).toEqual([...mfcc(waveform).data]);
  expect(collect('WAV2LIP_MEL')).toEqual([...melSpectrogram(waveform).data]);
  expect(audioFeatures('SYNCNET_MFCC').compute(waveform)).toEqual(mfcc(waveform));
  expect(audioFeatures('SYNCNET_MFCC')).toMatchObject({ bins: 13, stepsPerSecond: 100, sampleRate: 16000 });
  expect(audioFeatures('THESIS_MEL')).toMatchObject({ bins: 80, stepsPerSecond: 80 });
});

test('featureStream takes a custom mel recipe', () => {
  const recipe = { ...THESIS_MEL, padMode: 'zero' } as const;
  const stream = featureStream(recipe);
  expect([...stream.push(waveform.samples), ...stream.end()]).toEqual([...melSpectrogram(waveform, recipe).data]);
});

test.each([401, 640, 3000, 16000, 18560])('featureStepCount gives the steps of %d samples', (length) => {
  const audio = { samples: new Float32Array(length), sampleRate: 16000 };
  for (const name of ['THESIS_MEL', 'SYNCNET_MFCC', 'LATENTSYNC_MEL'] as const)
    expect(featureStepCount(name, length)).toBe(audioFeatures(name).compute(audio).steps);
});

test('features of a speech recogniser, and unknown ones, are refused', () => {
  expect(() => featureStream('ASR_LOGITS')).toThrow('give them as an .npy file');
  expect(() => audioFeatures('MY_MEL' as never)).toThrow('audioFeatures: name must be one of THESIS_MEL, WAV2LIP_MEL');
});
