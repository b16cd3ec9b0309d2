import { execFile } from 'node:child_process';
import { fail } from '@lipsync/contracts';
import type { Ffmpeg } from '../ffmpeg/find-ffmpeg';

export type EncoderOptions = {
  /** x264's constant rate factor, 0 (lossless) to 51. Default 18, visually close to the source. */
  crf?: number;
  /** x264's preset. Default `veryfast`. */
  preset?: 'ultrafast' | 'superfast' | 'veryfast' | 'faster' | 'fast' | 'medium' | 'slow' | 'slower' | 'veryslow';
  /** Kilobits a second and channel of AAC audio (.mp4, .m4v, .mov; .mkv has FLAC of 16 bits). Default 96. */
  audioKbps?: number;
  /** Receives warnings. Default `console.warn`. */
  log?: (line: string) => void;
};

/** Arguments that encode frames: libx264 where the build has it, else MPEG-4 part 2 at high quality. */
export async function videoArguments(ffmpeg: Ffmpeg, options: EncoderOptions): Promise<string[]> {
  const { crf = 18, preset = 'veryfast', log = (line: string) => console.warn(line) } = options;
  if (!(crf >= 0 && crf <= 51)) fail(RangeError, 'encodeVideo', 'options.crf', 'from 0 to 51', crf);
  if (!/^[a-z]+$/.test(preset)) fail(TypeError, 'encodeVideo', 'options.preset', 'an x264 preset', preset);
  // Tagged with the matrix that was used: players guess BT.709 for large untagged frames.
  const colour = [
    '-vf',
    'scale=out_color_matrix=bt601:out_range=tv:flags=bicubic,format=yuv420p',
    '-colorspace',
    'smpte170m',
    '-color_range',
    'tv',
    '-flags:v',
    '+bitexact',
  ];
  if (await hasEncoder(ffmpeg, 'libx264')) {
    return ['-c:v', 'libx264', '-preset', preset, '-crf', String(crf), ...colour];
  }
  log(`@lipsync/media: ${ffmpeg.path} has no libx264; writing MPEG-4 part 2, which browsers do not play`);
  return ['-c:v', 'mpeg4', '-q:v', '2', ...colour];
}

/**
 * Arguments that encode audio: AAC by ffmpeg's own encoder, whose delay an mp4 or mov file notes; in Matroska FLAC, as
 * ffmpeg writes AAC there without its delay (4.1) or moves the frames by it in whole milliseconds (5.1).
 */
export function audioArguments(muxer: string, options: EncoderOptions, channels = 1): string[] {
  const { audioKbps = 96 } = options;
  if (!(audioKbps >= 16 && audioKbps <= 512)) {
    fail(RangeError, 'encodeVideo', 'options.audioKbps', 'from 16 to 512', audioKbps);
  }
  if (muxer === 'matroska') return ['-c:a', 'flac', '-sample_fmt', 's16', '-flags:a', '+bitexact'];
  return ['-c:a', 'aac', '-b:a', `${Math.round(audioKbps * channels)}k`, '-flags:a', '+bitexact'];
}

const encoders = new Map<string, Promise<string>>();

async function hasEncoder(ffmpeg: Ffmpeg, name: string): Promise<boolean> {
  let list = encoders.get(ffmpeg.path);
  if (!list) {
    list = new Promise((resolve) => {
      execFile(ffmpeg.path, ['-hide_banner', '-encoders'], { windowsHide: true }, (_error, stdout) =>
        resolve(stdout ?? ''),
      );
    });
    encoders.set(ffmpeg.path, list);
  }
  return new RegExp(`^ V\\S* ${name} `, 'm').test(await list);
}
