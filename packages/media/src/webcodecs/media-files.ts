import type { ChannelMix, FrameRegion, MediaInfo, VideoFrame, Waveform } from '@lipsync/contracts';
import { fail, MediaError } from '@lipsync/contracts';
import type { Input } from 'mediabunny';
import { fittedSize } from '../ffmpeg/filters';
import { assertRegion } from '../read/assert-region';
import { nearestFrames } from '../read/nearest-frames';
import type { MediaInput, OpenMediaInBrowserOptions } from './browser-reader';
import { audioLayout, type DescribedMedia, describeMedia, withMix } from './describe-media';
import { inputName, openInput } from './media-input';
import { measureMix, monoAudio } from './read-audio';
import { timedImages } from './read-frames';

/** Which frames, and how large. */
type View = { fps: number; first: number; maxSide?: number; region?: FrameRegion };

/** A description, and how the channels become one, once that has been asked for. */
type Known = { described: DescribedMedia; mix?: Promise<ChannelMix | undefined> };

/** What is known of addresses; of 64 the oldest makes room. */
const MOST_ADDRESSES = 64;

/** What a reader does; each call opens the file anew and closes it. */
export class MediaFiles {
  readonly #options: OpenMediaInBrowserOptions & { maxPixels: number };
  readonly #byObject = new WeakMap<object, Promise<Known>>();
  readonly #byAddress = new Map<string, Promise<Known>>();

  constructor(options: OpenMediaInBrowserOptions & { maxPixels: number }) {
    this.#options = options;
  }

  async probe(where: string, input: MediaInput, channels: boolean): Promise<MediaInfo> {
    const known = await this.#know(where, input);
    const { described } = known;
    const mix = channels ? await this.#mix(where, input, known) : await known.mix;
    const info = withMix(described.info, mix, audioLayout(described));
    return {
      ...info,
      ...(info.video && { video: { ...info.video } }),
      ...(info.audio && { audio: { ...info.audio } }),
    };
  }

  async *frames(where: string, input: MediaInput, view: View): AsyncGenerator<VideoFrame> {
    const { described } = await this.#know(where, input);
    const { video } = described.info;
    if (!video) return fail(Error, where, 'path', 'a file with frames', `${inputName(input)} (audio only)`);
    const { fps, first, maxSide, region } = view;
    if (region) assertRegion(region, video);
    const { width, height } = region ?? fittedSize(video, maxSide);
    const part = { described, startSec: first / fps, size: { width, height }, region };
    yield* this.#reading(where, input, async function* (opened) {
      let count = 0;
      const images = timedImages(opened, { ...part, where, name: inputName(input) });
      for await (const { data, index } of nearestFrames(images, { fps, from: first, endAsFiltered: true })) {
        yield { data, width, height, index, timeSec: index / fps };
        count++;
      }
      if (count === 0 && first === 0) throw nothingDecodes(where, 'frame', inputName(input));
    });
  }

  async *audio(where: string, input: MediaInput, sampleRate: number): AsyncGenerator<Waveform> {
    const known = await this.#know(where, input);
    const { described } = known;
    if (!described.info.audio) return fail(Error, where, 'path', 'a file with audio', `${inputName(input)} (no audio)`);
    const mix = await this.#mix(where, input, known);
    yield* this.#reading(where, input, async function* (opened) {
      let count = 0;
      for await (const samples of monoAudio(opened, { described, mix, sampleRate, where, name: inputName(input) })) {
        yield { samples, sampleRate };
        count++;
      }
      if (count === 0) throw nothingDecodes(where, 'second of audio', inputName(input));
    });
  }

  #know(where: string, input: MediaInput): Promise<Known> {
    const address = typeof input === 'string' ? input : input instanceof URL ? input.href : undefined;
    const known = address === undefined ? this.#byObject.get(input as object) : this.#byAddress.get(address);
    if (known) return known;
    const made = this.#describe(where, input);
    if (address === undefined) {
      if (typeof input === 'object' && input !== null) this.#byObject.set(input, made);
      return made;
    }
    if (this.#byAddress.size >= MOST_ADDRESSES) this.#byAddress.delete(this.#byAddress.keys().next().value!);
    this.#byAddress.set(address, made);
    made.catch(() => this.#byAddress.delete(address));
    return made;
  }

  async #describe(where: string, input: MediaInput): Promise<Known> {
    const { maxPixels, videoTrack, audioTrack } = this.#options;
    const request = { where, name: inputName(input), maxPixels, videoTrack, audioTrack };
    return { described: await this.#with(where, input, (opened) => describeMedia(opened, request)) };
  }

  #mix(where: string, input: MediaInput, known: Known): Promise<ChannelMix | undefined> {
    const { described } = known;
    if ((described.info.audio?.channels ?? 1) < 2) return Promise.resolve(undefined);
    known.mix ??= this.#with(where, input, (opened) =>
      measureMix(opened, { described, where, name: inputName(input) }),
    );
    known.mix.catch(() => (known.mix = undefined));
    return known.mix;
  }

  async #with<A>(where: string, input: MediaInput, use: (opened: Input) => Promise<A>): Promise<A> {
    for await (const result of this.#reading(where, input, async function* (opened) {
      yield await use(opened);
    }))
      return result;
    throw new Error('unreachable');
  }

  /** Opens the file for as long as it is read; the signal closes it, which ends whatever waits for it. */
  async *#reading<A>(
    where: string,
    input: MediaInput,
    read: (opened: Input) => AsyncGenerator<A>,
  ): AsyncGenerator<A, void> {
    const { signal } = this.#options;
    signal?.throwIfAborted();
    const opened = await openInput(where, input);
    const close = () => opened.dispose();
    signal?.addEventListener('abort', close);
    try {
      for await (const item of read(opened)) {
        signal?.throwIfAborted();
        yield item;
      }
    } catch (error) {
      signal?.throwIfAborted();
      throw readError(where, inputName(input), error);
    } finally {
      signal?.removeEventListener('abort', close);
      opened.dispose();
    }
  }
}

/** What a decoder throws is about the file. */
function readError(where: string, name: string, error: unknown): unknown {
  const decoder =
    error instanceof DOMException && ['EncodingError', 'DataError', 'OperationError'].includes(error.name);
  if (!decoder) return error;
  const detail = `damaged, or not as its codec asks: ${error.message}`;
  return new MediaError(`${where}: path must be a file that decodes to its end, got ${name}: ${detail}`, {
    fault: 'damage',
    detail,
    cause: error,
  });
}

const nothingDecodes = (where: string, unit: string, name: string) =>
  new MediaError(`${where}: path must be a file with at least one ${unit}, got ${name}`, {
    fault: 'file',
    detail: `no ${unit} decodes`,
  });
