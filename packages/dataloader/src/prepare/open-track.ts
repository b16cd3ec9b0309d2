import type { FaceTrack, StoredCrop, VideoFrame } from '@lipsync/contracts';
import type { CropPlan } from '@lipsync/face-crop';
import { planCrops } from '@lipsync/face-crop';
import type { TrackedVideo } from '@lipsync/sync-windows';
import { canView, storedCropFor } from '@lipsync/sync-windows';
import type { StoreRecipe } from '../store/clip';
import type { Drop } from '../store/store-records';
import { largestFaces } from './chosen-faces';
import type { FilledSegment } from './finish-segment';
import type { Preparation } from './preparation';
import type { PrepareStages } from './prepare-stages';
import type { OffsetStage } from './segment-offset';
import type { Segment } from './track-segments';
import { featureAlignedFrames, trackSegments } from './track-segments';

/** A face that is being cut, and the segment that is being filled. */
export type OpenTrack = {
  track: FaceTrack;
  plan: CropPlan;
  /** The crop of the network that measures offsets, where it cannot be taken out of the stored one. */
  offsetPlan?: CropPlan;
  segments: Segment[];
  current: number;
  filled: number;
  frames?: Uint8Array;
  offsetFrames?: Uint8Array;
  faceEmbedding?: Float32Array;
};

export type PlanTracksOptions = {
  source: string;
  preparation: Preparation;
  recipe: StoreRecipe;
  stages?: PrepareStages;
  drop: (entry: Drop) => Promise<void>;
};

/** The wanted faces of a video, with their segments and crops; the others are dropped. */
export async function planTracks(video: TrackedVideo, options: PlanTracksOptions): Promise<OpenTrack[]> {
  const { source, preparation, recipe, stages, drop } = options;
  const wanted = preparation.faces === 'largest' ? largestFaces(video.tracks) : video.tracks;
  for (const { id } of video.tracks.filter((track) => !wanted.includes(track))) {
    await drop({ source, track: id, reason: 'not talking', detail: 'a larger face is seen at the same time' });
  }
  const open: OpenTrack[] = [];
  for (const track of wanted) {
    const segments = usableSegments(track, preparation, { recipe, offset: stages?.offset });
    if (segments.length === 0) {
      const detail = `${track.frameCount} frames, fewer than ${preparation.minFrames} from a place where frame and feature step meet`;
      await drop({ source, track: track.id, reason: 'too short', detail });
      continue;
    }
    const plan = planOrReason(track, recipe.crop, video);
    const offsetCrop = stages?.offset && cropToMeasure(recipe.crop, stages.offset);
    const offsetPlan = offsetCrop && planOrReason(track, offsetCrop, video);
    if (typeof plan === 'string') await drop({ source, track: track.id, reason: 'crop impossible', detail: plan });
    else if (typeof offsetPlan === 'string')
      await drop({ source, track: track.id, reason: 'crop impossible', detail: offsetPlan });
    else open.push({ track, plan, offsetPlan, segments, current: 0, filled: 0 });
  }
  return open;
}

/** The crop that is cut for the network that measures offsets, where the stored one does not hold its own. */
const cropToMeasure = (stored: StoredCrop, { recipe: { crop } }: OffsetStage): StoredCrop | undefined =>
  canView(stored, crop) ? undefined : storedCropFor(crop);

/** Segments long enough for a clip, beginning where a step of all wanted features does. */
function usableSegments(
  track: FaceTrack,
  { segmentSec, minSegmentSec, minFrames }: Preparation,
  { recipe: { fps, stepsPerSecond }, offset }: { recipe: StoreRecipe; offset?: OffsetStage },
): Segment[] {
  const rates = offset ? [stepsPerSecond, 80] : [stepsPerSecond];
  const slowest = rates.reduce((a, b) => (featureAlignedFrames(fps, a) >= featureAlignedFrames(fps, b) ? a : b));
  const lengths = { fps, stepsPerSecond: slowest, segmentSec, minSegmentSec };
  return trackSegments(track.firstFrame, track.frameCount, lengths).filter(({ frameCount }) => frameCount >= minFrames);
}

/** Where the crops lie, or why there can be none. */
function planOrReason(track: FaceTrack, crop: StoredCrop, video: TrackedVideo): CropPlan | string {
  try {
    return planCrops(track, crop, video.frameSize);
  } catch (error) {
    // TypeError and RangeError are bugs; a plain Error means that this face has no such crop.
    if (!(error instanceof Error) || error instanceof TypeError || error instanceof RangeError) throw error;
    return error.message;
  }
}

export type TrackFrame = { segment: Segment; crop: Uint8Array; frame: VideoFrame; indexInTrack: number };

/** Adds a frame to the segment that is being filled. */
export async function addFrame(
  open: OpenTrack,
  { segment, crop, frame, indexInTrack }: TrackFrame,
  embed: PrepareStages['embed'],
): Promise<void> {
  open.frames ??= new Uint8Array(segment.frameCount * crop.length);
  open.frames.set(crop, crop.length * open.filled);
  if (open.offsetPlan) {
    const bytes = open.offsetPlan.height * open.offsetPlan.width * 3;
    open.offsetFrames ??= new Uint8Array(segment.frameCount * bytes);
    const into = open.offsetFrames.subarray(bytes * open.filled, bytes * (open.filled + 1));
    open.offsetPlan.cut(frame, indexInTrack, into);
  }
  if (embed && open.filled === segment.frameCount >> 1) {
    open.faceEmbedding = await embed(frame, open.track.points.slice(136 * indexInTrack, 136 * (indexInTrack + 1)));
  }
  open.filled++;
}

/** Takes the frames of the current segment out of a track, which continues with its next segment. */
export function takeSegment(open: OpenTrack): FilledSegment {
  const { track, plan, offsetPlan, segments, filled, faceEmbedding } = open;
  const number = open.current++;
  const cut = (frames: Uint8Array | undefined, { height, width }: CropPlan) =>
    frames!.subarray(0, filled * height * width * 3);
  const segment: FilledSegment = {
    track,
    plan,
    number,
    firstFrame: segments[number].firstFrame,
    frameCount: filled,
    frames: cut(open.frames, plan),
    ...(offsetPlan ? { offsetFrames: cut(open.offsetFrames, offsetPlan) } : {}),
    ...(faceEmbedding ? { faceEmbedding } : {}),
  };
  open.frames = open.offsetFrames = open.faceEmbedding = undefined;
  open.filled = 0;
  return segment;
}
