import type { FrameRegion } from '@lipsync/contracts';
import type { Input } from 'mediabunny';
import { VideoSampleSink } from 'mediabunny';
import type { TimedFrame } from '../read/nearest-frames';
import { assertDecodes, type DescribedMedia, EARLIEST_SEC } from './describe-media';
import { SampleImages } from './sample-image';
import { shrinkImage } from './shrink-image';
import { storedRegion, turnImage } from './turn-frame';

export type FramesRequest = {
  where: string;
  name: string;
  described: DescribedMedia;
  /** Seconds after the first frame from which on frames are wanted. */
  startSec: number;
  /** Size of what is given, upright. */
  size: { width: number; height: number };
  /** The part of the upright frame that is given; without, all of it, scaled to `size`. */
  region?: FrameRegion;
};

/** How far before the first wanted frame reading begins: which frame is nearest in time depends on the one before it. */
const MARGIN_SEC = 1;

/** The file's own frames, upright, each with its time in microseconds after the first one. */
export async function* timedImages(
  input: Input,
  { where, name, described, startSec, size, region }: FramesRequest,
): AsyncGenerator<TimedFrame> {
  const track = (await input.getVideoTracks())[described.tracks.video!];
  await assertDecodes(track, { where, name });
  const { stored, rotation, zeroSec } = described;
  const { matrix, fullRange } = await track.getColorSpace();
  const images = new SampleImages(stored, { matrix, fullRange });
  const part = region && storedRegion(region, stored, rotation);
  const from = startSec > MARGIN_SEC ? zeroSec + startSec - MARGIN_SEC : undefined;
  const zero = Math.round(zeroSec * 1e6);
  for await (const sample of new VideoSampleSink(track).samples(from)) {
    try {
      if (sample.timestamp < EARLIEST_SEC) continue;
      const upright = turnImage(await images.read(sample, part), rotation);
      const { data } = region ? upright : shrinkImage(upright, size);
      yield { data, time: Math.round(sample.timestamp * 1e6) - zero };
    } finally {
      sample.close();
    }
  }
}
