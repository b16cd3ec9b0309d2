import type { MediaInfo } from '@lipsync/contracts';
import { AUDIO_SAMPLE_RATE, fail } from '@lipsync/contracts';
import { mixFilters } from '../check/channel-mix';
import { cutShort } from '../check/cut-short';
import { channelMixOf } from '../check/probe';
import { audioFilter, fittedSize, frameFilter } from '../ffmpeg/filters';
import { joinWaveform } from '../read/join-waveform';
import type { OpenMediaOptions } from '../read/open-media';
import { MAX_PIXELS, openMedia } from '../read/open-media';
import { encodeRun } from './encode-run';
import { encodeVideo } from './encode-video';
import type { EncoderOptions } from './encoder-arguments';
import { audioArguments, videoArguments } from './encoder-arguments';
import { openInput } from './open-input';
import { containerArguments } from './output-file';

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
  if (!(fps > 0 && fps <= 1000)) fail(RangeError, 'normaliseMedia', 'options.fps', 'above 0 and at most 1000', fps);
  if (![8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000].includes(sampleRate)) {
    fail(RangeError, 'normaliseMedia', 'options.sampleRate', 'a rate that AAC has (8000 … 48000)', sampleRate);
  }
  const { target, ffmpeg, file, probe, inputs, audioMap } = await openInput(
    'normaliseMedia',
    { input, output },
    options,
  );
  const { info, audioZeroMicroseconds, maps, layout } = probe;
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
        audioMap,
        '-af',
        [...mixFilters(mix, layout), audioFilter(audioZeroMicroseconds, sampleRate, { layout: 'mono' })].join(','),
        ...audioArguments(target.muxer, options),
      ]
    : [];
  try {
    const changes = await encodeRun(ffmpeg.path, 'normaliseMedia', [
      ...inputs,
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
