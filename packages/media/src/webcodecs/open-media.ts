import { AUDIO_SAMPLE_RATE, fail } from '@lipsync/contracts';
import type { BrowserReader, OpenMediaInBrowserOptions } from './browser-reader';

/**
 * Opens video and audio files in a page or a worker, as streams in constant memory: containers are read by mediabunny,
 * frames and audio decoded by WebCodecs.
 *
 * Frames and samples are placed as by `openMedia` of Node: frame k is the one nearest to `k / fps` seconds after the
 * first frame, by the times in the file; sample n plays at `n / sampleRate` seconds after the first frame. Frames are
 * RGB, upright, of stored, not display aspect, converted as ffmpeg converts them where the browser gives the decoded
 * planes; audio of several channels becomes their mean, or one of them where they cancel each other, in steps of
 * 1 / 32768.
 *
 * Which codecs there are depends on the browser and the machine: a file that is not decoded is refused with the name of
 * its codec.
 *
 * @throws Error where there is no WebCodecs; the reader's methods throw where a file is missing, is no video or audio,
 * lacks the stream, has a codec that the browser does not decode, is damaged, or is larger than `maxPixels`.
 * @example
 * import { openMediaInBrowser } from '@lipsync/media';
 * const media = await openMediaInBrowser();
 * const file = document.querySelector('input')!.files![0];
 * for await (const frame of media.frames(file)) console.log(frame.index, frame.width, frame.height);
 */
export async function openMediaInBrowser(options: OpenMediaInBrowserOptions = {}): Promise<BrowserReader> {
  const where = 'openMediaInBrowser';
  const { maxPixels = 7680 * 4320, videoTrack, audioTrack, signal } = options;
  if (!(Number.isInteger(maxPixels) && maxPixels > 0 && maxPixels < 2 ** 31))
    fail(RangeError, where, 'options.maxPixels', 'a whole number above 0 and below 2^31', maxPixels);
  for (const [name, track = 0] of Object.entries({ videoTrack, audioTrack })) {
    if (!(Number.isSafeInteger(track) && track >= 0))
      fail(RangeError, where, `options.${name}`, 'a whole number, 0 or more', track);
  }
  if (typeof VideoDecoder === 'undefined' || typeof AudioDecoder === 'undefined') {
    const rule = 'there: a browser of 2024 or later, and a page on https or localhost';
    fail(Error, where, 'WebCodecs', rule, 'none');
  }
  // Apart, so that a page loads the demuxers when it opens a file.
  const { MediaFiles } = await import('./media-files');
  const files = new MediaFiles({ maxPixels, videoTrack, audioTrack, signal });
  return {
    probe: (input, { channels = false } = {}) => files.probe('probe', input, channels),
    frames(input, { fps = 25, first = 0, maxSide } = {}) {
      assertRate('frames', fps);
      if (!(Number.isSafeInteger(first) && first >= 0))
        fail(RangeError, 'frames', 'options.first', 'a whole number, 0 or more', first);
      assertSide('frames', maxSide);
      return { fps, [Symbol.asyncIterator]: () => files.frames('frames', input, { fps, first, maxSide }) };
    },
    view(input, given) {
      const { fps = 25 } = given;
      assertRate('view', fps);
      const view = 'region' in given ? { region: { ...given.region } } : { maxSide: given.maxSide };
      assertSide('view', view.maxSide);
      return { fps, [Symbol.asyncIterator]: () => files.frames('view', input, { fps, first: 0, ...view }) };
    },
    audio(input, { sampleRate = AUDIO_SAMPLE_RATE } = {}) {
      if (!(Number.isInteger(sampleRate) && sampleRate >= 1000 && sampleRate <= 192_000))
        fail(RangeError, 'audio', 'options.sampleRate', 'a whole number from 1000 to 192000 Hz', sampleRate);
      return { [Symbol.asyncIterator]: () => files.audio('audio', input, sampleRate) };
    },
  };
}

function assertRate(where: string, fps: number): void {
  if (!(fps > 0 && fps <= 1000)) fail(RangeError, where, 'options.fps', 'above 0 and at most 1000', fps);
}

function assertSide(where: string, maxSide: number | undefined): void {
  if (maxSide !== undefined && !(Number.isInteger(maxSide) && maxSide > 0))
    fail(RangeError, where, 'options.maxSide', 'a whole number of pixels above 0', maxSide);
}
