import { AUDIO_SAMPLE_RATE, fail } from '@lipsync/contracts';
import { mixFilters } from '../check/channel-mix';
import { cutShort } from '../check/cut-short';
import { channelMixOf, probeFile } from '../check/probe';
import { audioFilter, fittedSize, frameFilter } from '../ffmpeg/filters';
import { ffmpegFor } from '../ffmpeg/find-ffmpeg';
import { runToEnd } from '../ffmpeg/run-ffmpeg';
import { inputArguments, inputFile } from '../read/input-file';
import type { OpenMediaOptions } from '../read/open-media';
import { MAX_PIXELS } from '../read/open-media';
import type { EncoderOptions } from './encoder-arguments';
import { audioArguments, videoArguments } from './encoder-arguments';
import { assertFolder, containerArguments, outputFile } from './output-file';

export type NormaliseMediaOptions = OpenMediaOptions &
  EncoderOptions & {
    /** Frames per second. Default 25. */
    fps?: number;
    /** Samples per second of the mono audio. Default 16000. */
    sampleRate?: number;
    /** Scales down so that neither side is above this many pixels. Default: as they are. */
    maxSide?: number;
  };

/**
 * Re-encodes a video at a constant frame rate with mono audio, both starting at zero, upright: what `openMedia` decodes
 * from `input`, as a file. H.264 needs even sides: an odd last row or column is scaled away. A video without audio
 * stays without.
 *
 * @param output ends in .mp4, .m4v, .mov or .mkv; appears only when complete.
 * @throws Error where `input` has no frames or does not decode to its end (option `damage`).
 * @example
 * import { normaliseMedia } from '@lipsync/media';
 * await normaliseMedia('phone.mov', 'clip.mp4'); // 25 fps, 16 kHz
 */
export async function normaliseMedia(
  input: string,
  output: string,
  options: NormaliseMediaOptions = {},
): Promise<void> {
  const { fps = 25, sampleRate = AUDIO_SAMPLE_RATE, maxSide, maxPixels = MAX_PIXELS, damage = 'refuse' } = options;
  const { videoTrack, audioTrack } = options;
  if (!(fps > 0 && fps <= 1000)) fail(RangeError, 'normaliseMedia', 'options.fps', 'above 0 and at most 1000', fps);
  if (![8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000].includes(sampleRate)) {
    fail(RangeError, 'normaliseMedia', 'options.sampleRate', 'a rate that AAC has (8000 … 48000)', sampleRate);
  }
  const target = outputFile('normaliseMedia', output);
  const file = await inputFile('normaliseMedia', input);
  await assertFolder('normaliseMedia', output);
  const ffmpeg = await ffmpegFor(options);
  const probe = await probeFile(ffmpeg.path, file, {
    where: 'normaliseMedia',
    maxPixels,
    videoTrack,
    audioTrack,
  });
  const { info, zeroMicroseconds, audioZeroMicroseconds, maps, layout } = probe;
  if (!info.video) throw new Error(`normaliseMedia: input must be a file with frames, got ${input} (audio only)`);
  const short = damage === 'refuse' ? await cutShort(input) : undefined;
  if (short !== undefined) {
    throw new Error(
      `normaliseMedia: input must be a whole file (option damage: "conceal" takes what there is), got ${input}: cut short: ${short}`,
    );
  }
  const fitted = fittedSize(info.video, maxSide);
  const even = (side: number) => Math.max(2, side - (side % 2));
  const size = { width: even(fitted.width), height: even(fitted.height) };
  const video = await videoArguments(ffmpeg, options);
  const filterAt = video.indexOf('-vf') + 1;
  video[filterAt] = `${frameFilter(fps, { size })},${video[filterAt]}`;
  const mix = await channelMixOf(ffmpeg.path, file, { probe, maxPixels });
  const audio = info.audio
    ? [
        '-map',
        maps.audio.replace(/^0/, '1'),
        '-af',
        [...mixFilters(mix, layout), audioFilter(audioZeroMicroseconds, sampleRate, 'mono')].join(','),
        ...audioArguments(target.muxer, options),
      ]
    : [];
  try {
    await runToEnd(ffmpeg.path, 'normaliseMedia', [
      '-nostdin',
      '-v',
      'error',
      ...(damage === 'refuse' ? ['-xerror'] : []),
      '-y',
      // Opened twice: the frames' clock is moved at the input, the audio's in its filter.
      ...inputArguments(file, maxPixels, { zeroMicroseconds }),
      ...(info.audio ? inputArguments(file, maxPixels) : []),
      '-map',
      maps.video,
      ...video,
      ...audio,
      ...containerArguments(target),
    ]);
    await target.commit();
  } finally {
    await target.discard();
  }
}
