import { fail } from '@lipsync/contracts';
import { audioFilter } from '../ffmpeg/filters';
import type { OpenMediaOptions } from '../read/open-media';
import { openMedia } from '../read/open-media';
import { encodeRun } from './encode-run';
import type { EncoderOptions } from './encoder-arguments';
import { audioArguments } from './encoder-arguments';
import { openInput } from './open-input';
import { containerArguments } from './output-file';

export type ShiftAudioOptions = OpenMediaOptions &
  EncoderOptions & {
    /** By how many frames of 1 / `fps` seconds; positive: the audio is delayed. This or `seconds`. */
    frameCount?: number;
    /** By how many seconds; positive: the audio is delayed. This or `frameCount`. */
    seconds?: number;
    /** Frames per second for `frameCount`. Default 25. */
    fps?: number;
  };

/** Delay of the AAC encoder, samples. */
const AAC_DELAY = 1024;

/**
 * Moves the audio of a video by moving its samples; the frames are copied packet by packet. Samples shifted beyond an
 * end are cut off, the gap is filled with silence, the audio keeps its length. Sample rate and channels stay, the codec
 * becomes AAC (in .mkv FLAC).
 *
 * The file needs no edit list: readers that ignore edit lists see frames and audio at the same times. To that end the
 * first 1024 samples of AAC (23 ms at 44.1 kHz) are silenced; write .mkv where they matter.
 *
 * A measured offset is positive where the audio leads, so `frameCount: offsetFrames` corrects it.
 *
 * @param output ends in .mp4, .m4v, .mov or .mkv (.mkv takes every video codec); appears only when complete.
 * @throws Error where `input` lacks frames or audio, its audio changes channels or rate in the middle, or it is AVI
 *   with reordered frames; where the container cannot hold its video codec.
 * @example
 * import { shiftAudio } from '@lipsync/media';
 * await shiftAudio('clip.mp4', 'late.mp4', { frameCount: 4 }); // the audio 160 ms later
 */
export async function shiftAudio(input: string, output: string, options: ShiftAudioOptions): Promise<void> {
  const { frameCount, seconds, fps = 25 } = options;
  if ((frameCount === undefined) === (seconds === undefined)) {
    fail(TypeError, 'shiftAudio', 'options', 'one of frameCount and seconds', { frameCount, seconds });
  }
  if (!(fps > 0 && fps <= 1000)) fail(RangeError, 'shiftAudio', 'options.fps', 'above 0 and at most 1000', fps);
  const shift = seconds ?? frameCount! / fps;
  if (!Number.isFinite(shift)) fail(RangeError, 'shiftAudio', 'options', 'a finite shift', shift);
  const { target, ffmpeg, probe, inputs, audioMap } = await openInput('shiftAudio', { input, output }, options);
  const { info, audioZeroMicroseconds, frameTimes, maps } = probe;
  if (!info.video || !info.audio) {
    throw new Error(
      `shiftAudio: input must be a video with audio, got ${input} (no ${info.video ? 'audio' : 'video'} stream)`,
    );
  }
  if (frameTimes) {
    const rule = 'in a container that says when frames are shown, which AVI does not where they are reordered';
    throw new Error(`shiftAudio: input must be ${rule} (normaliseMedia helps), got ${input}`);
  }
  const { sampleRate, channels } = info.audio;
  const length = await countSamples(input, sampleRate, options);
  // Delay: silence before, cut at the old length. Advance: the filter drops what falls before zero, silence after.
  const filter = [
    audioFilter(audioZeroMicroseconds - Math.round(shift * 1e6), sampleRate),
    `atrim=end_sample=${length}`,
    `apad=whole_len=${length}`,
    // The encoder starts 1024 samples before what it is given: at 0 then, and not at -1024, which an edit list
    // would have to hide.
    ...(target.muxer === 'matroska' || length <= 2 * AAC_DELAY ? [] : [`atrim=start_sample=${AAC_DELAY}`]),
  ].join(',');
  try {
    const changes = await encodeRun(ffmpeg.path, 'shiftAudio', [
      ...inputs,
      '-map',
      maps.video,
      '-c:v',
      'copy',
      '-map',
      audioMap,
      '-af',
      filter,
      ...audioArguments(target.muxer, options, channels),
      ...containerArguments(target),
    ]);
    if (changes) {
      const rule = 'a video whose audio keeps its channels and sample rate (normaliseMedia makes it one)';
      throw new Error(`shiftAudio: input must be ${rule}, got ${input}`);
    }
    await target.commit();
  } finally {
    await target.discard();
  }
}

async function countSamples(path: string, sampleRate: number, options: ShiftAudioOptions): Promise<number> {
  const media = await openMedia(options);
  let length = 0;
  for await (const piece of media.audio(path, { sampleRate })) length += piece.samples.length;
  return length;
}
