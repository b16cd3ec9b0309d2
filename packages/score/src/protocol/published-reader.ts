import type { FrameSequence, MediaInfo, MediaReader, PublishedPipeline } from '@lipsync/contracts';
import type { ScoreProtocol } from './score-protocol';

/** What a protocol reads a file with. */
export type ProtocolReader = {
  reader: MediaReader;
  /** The files of a published pipeline, once the file was probed; undefined where there are none. */
  pipeline(): Promise<PublishedPipeline | undefined>;
  /** Deletes what was written. */
  release(): Promise<void>;
};

/**
 * A reader that gives what published evaluations decode, where the protocol says so and the reader can; with the rate
 * that such files are taken for.
 */
export function readerFor(protocol: ScoreProtocol, reader: MediaReader): ProtocolReader {
  if (protocol.frames === 'jpeg' && protocol.tracks && reader.publishedPipeline)
    return pipelineReader(reader, protocol.tracks.container ?? 'avi');
  const none = { pipeline: async () => undefined, release: async () => undefined };
  if (protocol.frames !== 'jpeg' || protocol.tracks || !reader.published) return { reader, ...none };
  const published = (path: string) => reader.published!(path);
  return {
    reader: {
      probe: async (path) =>
        withDecodedSize(asPublished(await reader.probe(path, { channels: true })), published(path).frames),
      frames: (path) => published(path).frames,
      audio: (path) => published(path).audio,
    },
    ...none,
  };
}

/** Reads the one file that it is asked for through the files of a pipeline, which are written when it is probed. */
function pipelineReader(given: MediaReader, container: 'avi' | 'mp4'): ProtocolReader {
  let files: Promise<PublishedPipeline> | undefined;
  const open = (path: string) => (files ??= given.publishedPipeline!(path, { container }));
  return {
    reader: {
      async probe(path) {
        const info = asPublished(await given.probe(path, { channels: true }));
        return info.video && info.audio ? withDecodedSize(info, (await open(path)).frames) : info;
      },
      frames: (path, { fps = 25 } = {}) => ({ fps, [Symbol.asyncIterator]: () => later(open(path), 'frames') }),
      audio: (path) => later(open(path), 'audio'),
    },
    pipeline: async () => files,
    release: async () => (await files?.catch(() => undefined))?.release(),
  };
}

async function* later<Kind extends 'frames' | 'audio'>(
  files: Promise<PublishedPipeline>,
  kind: Kind,
): AsyncGenerator<PublishedPipeline[Kind] extends AsyncIterable<infer Item> ? Item : never> {
  yield* (await files)[kind] as AsyncIterable<never>;
}

/** The description with notes on what the published decoding does otherwise: all channels, and the track that ffmpeg takes. */
function asPublished({ choices = [], ...info }: MediaInfo): MediaInfo {
  const mix = info.audio?.mix;
  const left = choices.filter(({ reason }) => reason !== 'it was asked for');
  const notes = [
    ...left.map(
      ({ kind, tracks }) => `as published, ffmpeg takes one of ${tracks.length} ${kind} tracks by its own rules`,
    ),
    ...(mix ? [`as published, all channels are mixed, though ${mix.reason}`] : []),
  ];
  return { ...info, ...(info.audio ? { audio: { ...info.audio, mix: undefined } } : {}), notes };
}

/** The size of the first JPEG file: an odd one loses a row or column where the encoder needs even ones. */
async function withDecodedSize(info: MediaInfo, frames: FrameSequence): Promise<MediaInfo> {
  if (!info.video) return info;
  for await (const { width, height } of frames) return { ...info, video: { ...info.video, width, height } };
  return info;
}

/** Where a file's score differs from the source of its protocol, or follows it in what a reader would not expect. */
export function deviationsOf(protocol: ScoreProtocol, reader: MediaReader, info?: MediaInfo): string[] {
  const { deviations, frames, name, recipe, tracks } = protocol;
  if (frames !== 'jpeg') return deviations;
  if (!(tracks ? reader.publishedPipeline : reader.published)) {
    const files = tracks ? 'transcodes no video and writes no crops' : 'has no JPEG files';
    return [...deviations, `frames are decoded straight to RGB, at their times: this reader ${files}`];
  }
  const fps = info?.video?.fps ?? recipe.fps;
  if (tracks || Math.abs(fps - recipe.fps) < 0.01) return deviations;
  const own = `protocol ${name}-decoded takes them at their times`;
  return [...deviations, `as published, frames at ${fps} a second are taken for 25 a second (${own})`];
}
