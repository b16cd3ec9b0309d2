import { rm } from 'node:fs/promises';
import type { CropFile, PipelineContainer, PublishedStreams } from '@lipsync/contracts';
import { fail } from '@lipsync/contracts';
import { InputPipe } from '../ffmpeg/input-pipe';
import { type FfmpegRun, lastLine, runFfmpeg } from '../ffmpeg/run-ffmpeg';
import type { MediaSource } from '../read/media-source';
import { publishedStreams, TAKEN_FPS } from './published-streams';

export type CropWriterOptions = {
  /** Path of the files, without an ending. */
  name: string;
  container: PipelineContainer;
  /** The video's audio, a WAV file. */
  audio: string;
  /** Width and height of the crops, pixels. */
  size: number;
  /** The frame of the video that is the first crop. */
  firstFrame: number;
};

/**
 * Writes the crops of a face as `run_pipeline` does with OpenCV's `VideoWriter`, and adds the audio of its frames.
 *
 * The writer's settings are those of OpenCV 4.6: MPEG-4 part 2 (`XVID` in AVI, `mp4v` in mp4), two bits for each pixel
 * and as many of tolerance, a quantiser of 3 at least, a key frame every 12 frames, one thread; colours by ffmpeg's
 * routine for BGR, which differs from that for RGB. With the same libraries the video is the same bit for bit.
 */
export class CropWriter implements CropFile {
  readonly #source: MediaSource;
  readonly #options: CropWriterOptions;
  readonly #run: FfmpegRun;
  readonly #pipe: InputPipe;
  readonly #silent: string;
  readonly #bgr: Uint8Array;
  #count = 0;

  constructor(source: MediaSource, options: CropWriterOptions) {
    const { name, container, size } = options;
    this.#source = source;
    this.#options = options;
    this.#silent = `${name}t.${container}`;
    this.#bgr = new Uint8Array(size * size * 3);
    const bitRate = String(2 * TAKEN_FPS * size * size);
    this.#run = this.#ffmpeg(
      [
        ...['-f', 'rawvideo', '-pix_fmt', 'bgr24', '-s', `${size}x${size}`, '-r', String(TAKEN_FPS), '-i', 'pipe:0'],
        ...['-vf', 'scale=flags=bicubic,format=yuv420p', '-c:v', 'mpeg4'],
        ...(container === 'avi' ? ['-vtag', 'XVID'] : []),
        ...['-b:v', bitRate, '-bt', bitRate, '-qmin', '3', '-g', '12', '-threads', '1'],
        `file:${this.#silent}`,
      ],
      'pipe',
    );
    this.#pipe = new InputPipe(Promise.resolve(this.#run));
  }

  async write(crop: Uint8Array): Promise<void> {
    const { size } = this.#options;
    const bgr = this.#bgr;
    if (!(crop instanceof Uint8Array) || crop.length !== bgr.length)
      fail(TypeError, 'write', 'crop', `a Uint8Array of ${size} x ${size} x 3 bytes`, crop?.length);
    for (let i = 0; i < crop.length; i += 3) {
      bgr[i] = crop[i + 2];
      bgr[i + 1] = crop[i + 1];
      bgr[i + 2] = crop[i];
    }
    if (await this.#pipe.write(bgr)) await this.#assertEnded(this.#run);
    this.#count++;
  }

  async finish(): Promise<PublishedStreams> {
    const { name, container, audio, firstFrame } = this.#options;
    if (this.#count === 0) fail(Error, 'finish', 'the file', 'one with a crop', 'none');
    this.#run.stdin.end();
    await this.#assertEnded(this.#run);
    const [from, to] = [firstFrame, firstFrame + this.#count].map((frame) => (frame / TAKEN_FPS).toFixed(3));
    const [cut, path] = [`${name}.wav`, `${name}.${container}`];
    await this.#assertEnded(this.#ffmpeg(['-i', `file:${audio}`, '-ss', from, '-to', to, `file:${cut}`]));
    const both = ['-i', `file:${this.#silent}`, '-i', `file:${cut}`];
    const codecs = ['-c:v', 'copy', '-c:a', container === 'avi' ? 'copy' : 'aac'];
    await this.#assertEnded(this.#ffmpeg([...both, ...codecs, `file:${path}`]));
    await Promise.all([rm(this.#silent), rm(cut)]);
    return publishedStreams(this.#source, path);
  }

  /** Ends the encoder; safe to call twice and after `finish`. */
  async abort(): Promise<void> {
    await this.#run.kill();
  }

  #ffmpeg(args: readonly string[], stdin: 'pipe' | 'ignore' = 'ignore'): FfmpegRun {
    const run = runFfmpeg(this.#source.ffmpegPath, ['-v', 'error', '-y', ...args], { stdin });
    run.stdout.resume();
    return run;
  }

  async #assertEnded(run: FfmpegRun): Promise<void> {
    const ended = await run.ended;
    if (ended.code === 0) return;
    await this.abort();
    const got = `after ${this.#count} crops: ${lastLine(ended)}`;
    throw new Error(`CropFile: ffmpeg must write the crops to their end, got ${got}`);
  }
}
