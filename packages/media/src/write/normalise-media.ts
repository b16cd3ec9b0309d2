import type { MediaInfo } from '@lipsync/contracts';
import { AUDIO_SAMPLE_RATE, fail } from '@lipsync/contracts';
import { mixFilters } from '../check/channel-mix';
import { cutShort } from '../check/cut-short';
import { assertOneClock, channelMixOf, probeFile } from '../check/probe';
import { audioFilter, fittedSize, frameFilter } from '../ffmpeg/filters';
import { ffmpegFor } from '../ffmpeg/find-ffmpeg';
import { inputArguments, inputFile } from '../read/input-file';
import { joinWaveform } from '../read/join-waveform';
import type { OpenMediaOptions } from '../read/open-media';
import { MAX_PIXELS, openMedia } from '../read/open-media';
import { encodeRun } from './encode-run';
import { encodeVideo } from './encode-video';
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
  assertOneClock('normaliseMedia', 'input', probe);
  if (!info.video) throw new Error(`normaliseMedia: input must be a file with frames, got ${input} (audio only)`);
  const short = damage === 'refuse' ? await cutShort(input) : undefined;
  if (short !== undefined) {
    throw new Error(
      `normaliseMedia: input must be a whole file (option damage: "conceal" takes what there is), got ${input}: cut short: ${short}`,
    );
  }
  if (probe.frameTimes) return encodeFrames(input, output, { ...options, fps, sampleRate, info });
  const size = evenSize(info.video, maxSide);
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
    const changes = await encodeRun(ffmpeg.path, 'normaliseMedia', [
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
    if (!changes) await target.commit();
    else await encodeFrames(input, output, { ...options, fps, sampleRate, info });
  } finally {
    await target.discard();
  }
}

/** Encodes what `openMedia` reads, frame by frame: for a video that changes, whose times ffmpeg alone does not keep. */
async function encodeFrames(
  input: string,
  output: string,
  { info, ...options }: NormaliseMediaOptions & { fps: number; sampleRate: number; info: MediaInfo },
): Promise<void> {
  const { fps, sampleRate, maxSide } = options;
  const media = await openMedia(options);
  const audio = info.audio && (await joinWaveform(media.audio(input, { sampleRate })));
  const size = evenSize(info.video!, maxSide);
  const writer = encodeVideo(output, { ...options, ...size, audio });
  try {
    for await (const { data, width } of media.frames(input, { fps, maxSide })) {
      const row = (index: number) => data.subarray(3 * width * index, 3 * (width * index + size.width));
      await writer.write(Buffer.concat(Array.from({ length: size.height }, (_, index) => row(index))));
    }
    await writer.finish();
  } finally {
    await writer.abort();
  }
}

/** H.264 has even sides. */
function evenSize(video: NonNullable<MediaInfo['video']>, maxSide?: number): { width: number; height: number } {
  const { width, height } = fittedSize(video, maxSide);
  const even = (side: number) => Math.max(2, side - (side % 2));
  return { width: even(width), height: even(height) };
}
