import type { MediaInfo, MediaReader } from '@lipsync/contracts';
import type { ScoreProtocol } from './score-protocol';

/**
 * A reader that gives what published evaluations decode, where the protocol says so and the reader can; with the rate
 * that such files are taken for.
 */
export function readerFor(protocol: ScoreProtocol, reader: MediaReader): MediaReader {
  if (protocol.frames !== 'jpeg' || !reader.published) return reader;
  const published = (path: string) => reader.published!(path);
  return {
    probe: async (path) => withDecodedSize(asPublished(await reader.probe(path, { channels: true })), path, reader),
    frames: (path) => published(path).frames,
    audio: (path) => published(path).audio,
  };
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
async function withDecodedSize(info: MediaInfo, path: string, reader: MediaReader): Promise<MediaInfo> {
  if (!info.video) return info;
  for await (const { width, height } of reader.published!(path).frames)
    return { ...info, video: { ...info.video, width, height } };
  return info;
}

/** Where a file's score differs from the source of its protocol, or follows it in what a reader would not expect. */
export function deviationsOf(protocol: ScoreProtocol, reader: MediaReader, info?: MediaInfo): string[] {
  if (protocol.frames !== 'jpeg') return protocol.deviations;
  if (!reader.published)
    return [
      ...protocol.deviations,
      'frames are decoded straight to RGB, at their times: this reader has no JPEG files',
    ];
  const fps = info?.video?.fps ?? protocol.recipe.fps;
  if (Math.abs(fps - protocol.recipe.fps) < 0.01) return protocol.deviations;
  const own = `protocol ${protocol.name}-decoded takes them at their times`;
  return [...protocol.deviations, `as published, frames at ${fps} a second are taken for 25 a second (${own})`];
}
