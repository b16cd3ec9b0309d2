import type { Probe } from '../check/probe';
import { assertOneClock, probeFile } from '../check/probe';
import type { Ffmpeg } from '../ffmpeg/find-ffmpeg';
import { ffmpegFor } from '../ffmpeg/find-ffmpeg';
import type { InputFile } from '../read/input-file';
import { inputArguments, inputFile } from '../read/input-file';
import type { OpenMediaOptions } from '../read/open-media';
import { MAX_PIXELS } from '../read/open-media';
import type { OutputFile } from './output-file';
import { assertFolder, outputFile } from './output-file';

/** A file that is written anew, and where it goes. */
export type OpenedInput = {
  target: OutputFile;
  ffmpeg: Ffmpeg;
  file: InputFile;
  probe: Probe;
  /** Arguments of ffmpeg that open the file: its frames are input 0. */
  inputs: string[];
  /** `-map` of its audio, which is input 1. */
  audioMap: string;
};

/**
 * Describes a file that is to be written to `output` and chooses its tracks.
 *
 * @throws Error where either is no such file, or the input's clock jumps.
 */
export async function openInput(
  where: string,
  { input, output }: { input: string; output: string },
  options: OpenMediaOptions,
): Promise<OpenedInput> {
  const { maxPixels = MAX_PIXELS, damage = 'refuse', videoTrack, audioTrack } = options;
  const target = outputFile(where, output);
  const file = await inputFile(where, input);
  await assertFolder(where, output);
  const ffmpeg = await ffmpegFor(options);
  const probe = await probeFile(ffmpeg.path, file, { where, maxPixels, videoTrack, audioTrack });
  assertOneClock(where, 'input', probe);
  const { info, zeroMicroseconds, maps } = probe;
  const inputs = [
    ...(damage === 'refuse' ? ['-xerror'] : []),
    '-y',
    // Opened twice: the frames' clock is moved at the input, the audio's in its filter.
    ...inputArguments(file, maxPixels, { zeroMicroseconds }),
    ...(info.audio ? inputArguments(file, maxPixels) : []),
  ];
  return { target, ffmpeg, file, probe, inputs, audioMap: maps.audio.replace(/^0/, '1') };
}
