import type { ChannelMix } from '@lipsync/contracts';
import { inPieces } from '../ffmpeg/in-pieces';
import { runFfmpeg } from '../ffmpeg/run-ffmpeg';
import type { InputFile } from '../read/input-file';
import { inputArguments } from '../read/input-file';
import { type ChannelLayout, ChannelMeter } from './channel-meter';

/** Samples per second of the measurement: speech. */
const RATE = 8000;
/** Samples of a block: 50 ms. */
const BLOCK = 400;

/** How an audio track's channels should become one, undefined for the mean: decodes it once, in constant memory. */
export async function measureChannels(
  ffmpegPath: string,
  file: InputFile,
  { maxPixels, map, layout }: { maxPixels: number; map: string; layout: ChannelLayout },
): Promise<ChannelMix | undefined> {
  if (layout.channels < 2) return undefined;
  const meter = new ChannelMeter(layout);
  // Hum and wind are below speech and often the same in both channels.
  const filter = [...layoutFilter(layout), `aresample=${RATE}`, 'highpass=f=150', 'aformat=sample_fmts=flt'].join(',');
  const output = ['-map', map, '-af', filter, '-f', NATIVE_FLOAT, 'pipe:1'];
  const run = runFfmpeg(ffmpegPath, ['-nostdin', '-v', 'error', ...inputArguments(file, maxPixels), ...output]);
  const blockBytes = BLOCK * layout.channels * 4;
  try {
    for await (const block of inPieces(run.stdout, blockBytes)) {
      if (block.length === blockBytes) meter.add(new Float32Array(block.buffer));
    }
  } finally {
    await run.kill();
  }
  return meter.mix();
}

const NATIVE_FLOAT = new Uint8Array(new Float32Array([1]).buffer)[3] === 0x3f ? 'f32le' : 'f32be';

/** A layout that changes half way is brought back to the first, so that channels keep their numbers. */
const layoutFilter = ({ name, channels }: ChannelLayout) =>
  name.startsWith(`${channels} `) ? [] : [`aformat=channel_layouts=${name}`];

/** The filters that make one channel, before those of the time; none where ffmpeg's own mono is taken. */
export function mixFilters(mix: ChannelMix | undefined, layout: ChannelLayout): string[] {
  if (mix?.use === 'channel') return [...layoutFilter(layout), `pan=mono|c0=c${mix.channel}`];
  if (mix?.use === 'side') return [...layoutFilter(layout), 'pan=mono|c0=0.5*c0-0.5*c1'];
  // ffmpeg has no places for so many channels, and refuses to mix them.
  if (layout.channels > 8) {
    const share = (1 / layout.channels).toFixed(6);
    return [`pan=mono|c0=${Array.from({ length: layout.channels }, (_, channel) => `${share}*c${channel}`).join('+')}`];
  }
  return [];
}
