import { resample } from '@lipsync/audio-mel';
import { AUDIO_SAMPLE_RATE, type MediaReader, type VideoFrame, type Waveform } from '@lipsync/contracts';
import { framesAtRate, type PlainImage, rgbOf } from './images';

/** A reader of images and audio in memory, which are its only file. */
export function memoryReader(
  images: readonly PlainImage[],
  { fps, audio }: { fps: number; audio: Waveform },
): MediaReader {
  const [{ width, height }] = images;
  const durationSec = Math.max(images.length / fps, audio.samples.length / audio.sampleRate);
  return {
    probe: async (path) => ({
      path,
      durationSec,
      video: { codec: 'memory', width, height, fps, rotation: 0, startSec: 0 },
      audio: { codec: 'memory', sampleRate: audio.sampleRate, channels: 1, startSec: 0 },
    }),
    frames: (_, { fps: rate = 25 } = {}) => ({
      fps: rate,
      async *[Symbol.asyncIterator](): AsyncGenerator<VideoFrame> {
        for (const [index, image] of framesAtRate(images.length, fps, rate).entries())
          yield { data: rgbOf(images[image]), width, height, index, timeSec: index / rate };
      },
    }),
    async *audio(_, { sampleRate = AUDIO_SAMPLE_RATE } = {}): AsyncGenerator<Waveform> {
      yield audio.sampleRate === sampleRate ? audio : resample(audio, sampleRate);
    },
  };
}
