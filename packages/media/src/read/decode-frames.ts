import type { FrameRegion, VideoFrame } from '@lipsync/contracts';
import { besideJumps } from '../check/probe';
import {
  cropFilter,
  fittedSize,
  frameFilter,
  passFrames,
  printFrames,
  regionFilter,
  scaleFilter,
  timedFrames,
} from '../ffmpeg/filters';
import { assertRegion } from './assert-region';
import { decodeBytes } from './decode-bytes';
import { inputArguments, inputFile } from './input-file';
import type { MediaSource } from './media-source';
import { probeOnce } from './media-source';
import type { TimedFrame } from './nearest-frames';
import { nearestFrames } from './nearest-frames';
import { OutputLog } from './output-log';

/** Which frames, and how large. */
export type View = { fps: number; maxSide?: number; flags?: 'area'; region?: FrameRegion; first?: number };

/** How far before the first wanted frame a seek goes: which frame is nearest in time depends on the one before it. */
const SEEK_MARGIN_SEC = 1;

/** Frames at a constant rate: as ffmpeg's filter places them while that keeps the time, then by the time of each. */
export async function* decodeFrames(source: MediaSource, path: string, view: View): AsyncGenerator<VideoFrame> {
  const { ffmpegPath, version, maxPixels, damage, log } = source;
  const { fps, maxSide, flags, region, first = 0 } = view;
  const file = await inputFile('frames', path);
  const probe = await probeOnce(source, 'frames', file);
  const { info, zeroMicroseconds, frameTimes, maps, clock } = probe;
  if (!info.video) throw new Error(`frames: path must be a file with frames, got ${path} (audio only)`);
  if (region) assertRegion(region, info.video);
  const { width, height } = region ?? fittedSize(info.video, maxSide);
  const filter = region
    ? regionFilter(fps, region, info.video)
    : frameFilter(fps, { size: { width, height }, flags, first });
  const scaling = region ? cropFilter(region, info.video) : scaleFilter({ width, height }, flags);
  const input = inputArguments({ ...file, ...clock }, maxPixels, {
    zeroMicroseconds,
    seekSec: frameTimes ? 0 : Math.max(0, first / fps - SEEK_MARGIN_SEC),
  });
  const onDamage = () => void source.damaged.add(file.version);
  const unit = { name: 'frame', bytes: width * height * 3, wholeOnly: true };
  const decode = (filters: string, printed: OutputLog) => {
    const output = [...passFrames(version), '-f', 'rawvideo', '-pix_fmt', 'rgb24', 'pipe:1'];
    const args = [...input, '-map', maps.video, '-vf', filters, ...output, ...besideJumps(probe, 'audio')];
    return decodeBytes(ffmpegPath, { where: 'frames', path, args, unit, damage, log, printed, onDamage });
  };
  const printed = new OutputLog('frames');
  let index = first;
  for await (const data of frameTimes ? [] : decode(printFrames(filter), printed)) {
    await printed.covers(index - first + 1);
    if (index - first >= printed.changedAt) break;
    yield { data, width, height, index, timeSec: index / fps };
    index++;
  }
  if (!frameTimes && printed.changedAt === Number.POSITIVE_INFINITY) return;
  const times = new OutputLog('frames', { timed: true });
  const rest = timedData(decode(timedFrames(scaling), times), times, frameTimes);
  for await (const frame of nearestFrames(rest, { fps, from: index }))
    yield { ...frame, width, height, timeSec: frame.index / fps };
}

async function* timedData(
  frames: AsyncIterable<Uint8Array>,
  times: OutputLog,
  stored?: Float64Array,
): AsyncGenerator<TimedFrame> {
  let count = 0;
  for await (const data of frames) {
    await times.covers(++count);
    const printed = times.take(1)?.time;
    yield { data, time: (stored ? stored[count - 1] : printed) ?? Number.NaN };
  }
}
