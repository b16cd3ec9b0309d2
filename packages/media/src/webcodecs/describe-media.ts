import type { MediaInfo } from '@lipsync/contracts';
import { MediaError } from '@lipsync/contracts';
import type { Input, InputAudioTrack, InputTrack, InputVideoTrack } from 'mediabunny';
import { VideoSampleSink } from 'mediabunny';
import { type ChannelLayout, mixNote } from '../check/channel-meter';
import { choiceNote } from '../check/track-list';
import { chooseTrack, type TrackFacts } from './choose-track';
import { layoutOf } from './mix-channels';
import type { QuarterTurns } from './turn-frame';

/** A file's description, and the tracks that are read. */
export type DescribedMedia = {
  info: MediaInfo;
  /** Numbers among the file's video and audio tracks. */
  tracks: { video?: number; audio?: number };
  /** Time of the first frame, seconds of the container's clock; without frames, of the first audio. */
  zeroSec: number;
  /** Size of a frame before it is turned upright. */
  stored: { width: number; height: number };
  rotation: QuarterTurns;
};

/** What describing needs to know. */
export type DescribeRequest = {
  /** Names the caller's function in errors. */
  where: string;
  /** What the file is called. */
  name: string;
  maxPixels: number;
  videoTrack?: number;
  audioTrack?: number;
};

/** Packets over which the mean frame rate is taken. */
const RATE_PACKETS = 256;

/** Frames from before an edit's start are not shown; times are rounded. Seconds. */
export const EARLIEST_SEC = -0.0005;

/** Describes an opened file and decodes its first frame, whose time is the zero of frames and audio. */
export async function describeMedia(input: Input, request: DescribeRequest): Promise<DescribedMedia> {
  const { where, name, maxPixels } = request;
  const [videos, audios] = [await input.getVideoTracks(), await input.getAudioTracks()];
  const choose = async (kind: 'video' | 'audio', all: readonly InputTrack[], wanted?: number) =>
    chooseTrack(await Promise.all(all.map(factsOf)), { kind, wanted, where, name });
  const chosen = {
    video: await choose('video', videos, request.videoTrack),
    audio: await choose('audio', audios, request.audioTrack),
  };
  const tracks = { video: chosen.video.track, audio: chosen.audio.track };
  const [video, audio] = [videos[tracks.video ?? -1], audios[tracks.audio ?? -1]];
  if (!video && !audio) {
    const detail = 'it has neither frames nor audio';
    throw new MediaError(`${where}: path must be a video or audio file, got ${name}: ${detail}`, {
      fault: 'file',
      detail,
    });
  }
  const choices = [chosen.video.choice, chosen.audio.choice].filter((choice) => choice !== undefined);
  const info: MediaInfo = { path: name, durationSec: await durationOf(input) };
  if (choices.length > 0) Object.assign(info, { choices, notes: choices.map(choiceNote) });
  if (audio) {
    info.audio = {
      codec: await codecName(audio),
      sampleRate: await audio.getSampleRate(),
      channels: await audio.getNumberOfChannels(),
      startSec: await audio.getFirstTimestamp(),
    };
  }
  if (!video) return { info, tracks, zeroSec: info.audio!.startSec, stored: { width: 0, height: 0 }, rotation: 0 };
  const coded = { width: await video.getCodedWidth(), height: await video.getCodedHeight() };
  if (coded.width * coded.height > maxPixels) {
    const rule = `a video of at most ${maxPixels} pixels a frame (option maxPixels)`;
    throw new RangeError(`${where}: path must be ${rule}, got ${name} (${coded.width} x ${coded.height})`);
  }
  const first = await firstFrame(video);
  const { width, height } = first ?? coded;
  const rotation: QuarterTurns = await video.getRotation();
  const turned = rotation % 180 !== 0;
  const zeroSec = first?.timestamp ?? (await video.getFirstTimestamp());
  info.video = {
    codec: await codecName(video),
    width: turned ? height : width,
    height: turned ? width : height,
    fps: (await video.computePacketStats(RATE_PACKETS)).averagePacketRate,
    rotation,
    startSec: zeroSec,
  };
  return { info, tracks, zeroSec, stored: { width, height }, rotation };
}

/** Adds how the channels become one to a description. */
export function withMix(
  info: MediaInfo,
  mix: NonNullable<MediaInfo['audio']>['mix'],
  layout: ChannelLayout,
): MediaInfo {
  if (!info.audio || !mix) return info;
  return { ...info, audio: { ...info.audio, mix }, notes: [...(info.notes ?? []), mixNote(mix, layout)] };
}

/** The layout of the audio that is read. */
export const audioLayout = ({ info }: DescribedMedia): ChannelLayout => layoutOf(info.audio?.channels ?? 1);

/**
 * Refuses a track that the browser does not decode.
 *
 * @throws MediaError that names the codec.
 */
export async function assertDecodes(
  track: InputVideoTrack | InputAudioTrack,
  { where, name }: Pick<DescribeRequest, 'where' | 'name'>,
): Promise<void> {
  if (await track.canDecode()) return;
  const exact = await track.getCodecParameterString().catch(() => null);
  const codec = await codecName(track);
  const named = exact && exact !== codec ? `${codec} (${exact})` : codec;
  const detail = `this browser does not decode ${track.type} in ${named}; convert the file, for example to H.264 and AAC`;
  throw new MediaError(`${where}: path must be a file whose codecs the browser decodes, got ${name}: ${detail}`, {
    fault: 'decoder',
    detail,
  });
}

/** ffmpeg's names, where mediabunny has others. */
const CODEC_NAMES: Readonly<Record<string, string>> = { avc: 'h264' };

async function codecName(track: InputTrack): Promise<string> {
  const codec = await track.getCodec();
  if (codec !== null) return CODEC_NAMES[codec] ?? codec;
  const internal = await track.getInternalCodecId();
  return internal instanceof Uint8Array || internal === null ? 'an unknown codec' : String(internal);
}

async function factsOf(track: InputTrack): Promise<TrackFacts> {
  const disposition = await track.getDisposition();
  const language = await track.getLanguageCode();
  const details = track.isVideoTrack()
    ? `${await track.getCodedWidth()}x${await track.getCodedHeight()}`
    : track.isAudioTrack()
      ? layoutOf(await track.getNumberOfChannels()).name
      : '';
  const parts = [await codecName(track), details, language === 'und' ? '' : language, await track.getName()];
  return {
    description: parts.filter(Boolean).join(', '),
    isDefault: disposition.default,
    isBeside: disposition.commentary || disposition.visuallyImpaired,
  };
}

/** Seconds of the longest stream. */
async function durationOf(input: Input): Promise<number> {
  const end = (await input.getDurationFromMetadata()) ?? (await input.computeDuration());
  return end - Math.max(0, await input.getFirstTimestamp());
}

/** Time and size of the first frame that is shown; undefined where the browser does not decode the track. */
async function firstFrame(
  track: InputVideoTrack,
): Promise<{ timestamp: number; width: number; height: number } | undefined> {
  if (!(await track.canDecode())) return undefined;
  for await (const sample of new VideoSampleSink(track).samples()) {
    try {
      const { width, height } = sample.visibleRect;
      if (sample.timestamp >= EARLIEST_SEC) return { timestamp: sample.timestamp, width, height };
    } finally {
      sample.close();
    }
  }
  return undefined;
}
