import { rmSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { CropFile, PipelineContainer, PublishedPipeline } from '@lipsync/contracts';
import { AUDIO_SAMPLE_RATE, fail, MediaError } from '@lipsync/contracts';
import { lastLine, runFfmpeg } from '../ffmpeg/run-ffmpeg';
import { inputFile, untimedInputArguments } from '../read/input-file';
import { type MediaSource, probeOnce } from '../read/media-source';
import { CropWriter } from './crop-file';
import { jpegFrames, mapOf, publishedStreams, TAKEN_FPS } from './published-streams';

/** Folders that are in use: a process that ends in the middle, by Ctrl-C in a command, leaves none. */
const inUse = new Set<string>();
const removeAll = () => {
  for (const folder of inUse) rmSync(folder, { recursive: true, force: true });
};

async function temporaryFolder(): Promise<string> {
  if (!process.listeners('exit').includes(removeAll)) process.once('exit', removeAll);
  const folder = await mkdtemp(join(tmpdir(), 'lipsync-pipeline-'));
  inUse.add(folder);
  return folder;
}

/**
 * The files that SyncNet's `run_pipeline` makes of a video, in a temporary folder, by the same commands of ffmpeg:
 *
 * - the video: `-qscale:v 2 -async 1 -r 25` to AVI (MPEG-4, MP3 where the build has it). LatentSync writes mp4 (H.264,
 *   which ignores the quality, and AAC).
 * - `frames`: of that file, `-qscale:v 2 -threads 1 -f image2 %06d.jpg`, then OpenCV's `imread`.
 * - `audio`: of that file, `-ac 1 -vn -acodec pcm_s16le -ar 16000`. In AVI the MP3 encoder's delay stays in it: at
 *   44.1 kHz 25 ms, two thirds of a frame.
 *
 * Frames and audio are those of the original with the same ffmpeg on a machine with as many processors: the encoders
 * divide a frame by them.
 *
 * @throws Error with ffmpeg's reason where the file cannot be transcoded.
 */
export async function openPipeline(
  source: MediaSource,
  path: string,
  container: PipelineContainer,
): Promise<PublishedPipeline> {
  const file = await inputFile('publishedPipeline', path);
  const maps = await trackMaps(source, path);
  const folder = await temporaryFolder();
  const video = join(folder, `video.${container}`);
  const audio = join(folder, 'audio.wav');
  const cropFiles: CropWriter[] = [];
  const release = async () => {
    await Promise.all(cropFiles.map((crops) => crops.abort()));
    await rm(folder, { recursive: true, force: true });
    inUse.delete(folder);
  };
  try {
    const input = untimedInputArguments(file, source.maxPixels);
    const quality = ['-qscale:v', '2'];
    await writeFile(source, path, [...input, ...maps, ...quality, '-async', '1', '-r', String(TAKEN_FPS), video]);
    const wave = ['-ac', '1', '-vn', '-acodec', 'pcm_s16le', '-ar', String(AUDIO_SAMPLE_RATE)];
    await writeFile(source, path, ['-i', `file:${video}`, ...wave, audio]);
    const own: MediaSource = { ...source, wanted: {} };
    return {
      frames: { fps: TAKEN_FPS, [Symbol.asyncIterator]: () => jpegFrames(own, video, quality) },
      audio: publishedStreams(own, audio).audio,
      crops({ size, firstFrame }): CropFile {
        if (!(Number.isInteger(size) && size > 0 && size % 2 === 0))
          fail(RangeError, 'crops', 'options.size', 'an even number of pixels above 0', size);
        if (!(Number.isSafeInteger(firstFrame) && firstFrame >= 0))
          fail(RangeError, 'crops', 'options.firstFrame', 'a whole number, 0 or more', firstFrame);
        const name = join(folder, String(cropFiles.length).padStart(5, '0'));
        const crops = new CropWriter(own, { name, container, audio, size, firstFrame });
        cropFiles.push(crops);
        return crops;
      },
      release,
    };
  } catch (error) {
    await release();
    throw error;
  }
}

/** The tracks, where one is asked for: that, and of the other kind what the reader chooses. Otherwise ffmpeg chooses. */
async function trackMaps(source: MediaSource, path: string): Promise<string[]> {
  const { videoTrack, audioTrack } = source.wanted;
  if (videoTrack === undefined && audioTrack === undefined) return [];
  const where = 'publishedPipeline';
  const { choices = [] } = (await probeOnce(source, where, await inputFile(where, path))).info;
  const chosen = (kind: 'video' | 'audio') => choices.find((choice) => choice.kind === kind)?.track ?? 0;
  return [...mapOf('v', videoTrack ?? chosen('video')), ...mapOf('a', audioTrack ?? chosen('audio'))];
}

/** Like the published scripts, damage is passed over; it is logged. */
async function writeFile({ ffmpegPath, log }: MediaSource, path: string, args: readonly string[]): Promise<void> {
  const output = `file:${args.at(-1)}`;
  const run = runFfmpeg(ffmpegPath, ['-nostdin', '-v', 'error', '-y', ...args.slice(0, -1), output]);
  run.stdout.resume();
  const ended = await run.ended;
  if (ended.code !== 0) {
    const rule = 'a file that ffmpeg can transcode';
    const detail = `ffmpeg cannot transcode it: ${lastLine(ended)}`;
    throw new MediaError(`publishedPipeline: path must be ${rule}, got ${path}: ${lastLine(ended)}`, {
      fault: 'file',
      detail,
    });
  }
  if (ended.messages.trim() !== '') log(`publishedPipeline: ${path}: ffmpeg says: ${lastLine(ended)}`);
}
