import {
  assertVideoFrame,
  type DinetCrop,
  type FaceTrack,
  type FrameRegion,
  fail,
  type HeadCrop,
  type SimilarityCrop,
  type StoredCrop,
  storedShape,
  type VideoFrame,
} from '@lipsync/contracts';
import { assertFaceTrack } from '../track/face-track';
import { alignFace, cutAlignedFace } from './aligned-face';
import { videoCropRadius } from './crop-radius';
import { faceBoxes } from './face-box';
import { headBox } from './head-box';
import { trackPoses } from './mouth-pose';
import { pipelineCrops } from './pipeline-crop';
import { resizeBox } from './resize-box';
import { rotationAngle } from './rotation-angle';
import { sampleSquare } from './sample-square';

/** Where the crop of each frame of a track lies, and how to cut it. */
export type CropPlan = {
  /**
   * `[frames, 4]`, float32: centre x, centre y and side in pixels of the image (the longer of two), angle in radians
   * (clockwise).
   */
  readonly poses: Float32Array;
  /** Size of the crops, pixels. */
  readonly height: number;
  readonly width: number;
  /**
   * Where the crop of a frame lies in the image, of crops that are not turned (`dinet head`, `face box`, `track box`);
   * it may reach beyond it.
   *
   * @param indexInTrack 0 for the track's first frame.
   */
  region?(indexInTrack: number): FrameRegion;
  /**
   * Cuts the crop of one frame.
   *
   * @param indexInTrack 0 for the track's first frame, whose image has the index `track.firstFrame`.
   * @param out where to write, `height * width * 3` bytes. Default: a new array.
   * @returns `out`: RGB, 0..255, row-major.
   */
  cut(frame: VideoFrame, indexInTrack: number, out?: Uint8Array): Uint8Array;
};

/**
 * Plans the crops of a face track that a recipe asks for.
 *
 * `similarity`: the square of `SimilarityCrop`, smoothed by its `window`. `dinet`: the mouth box of DINet's head crop,
 * `[y29, y29 + 2R) x [x33 - R, x33 + R)` with one radius R for the video, rotated about its centre by each frame's
 * `rotationAngle`. Both are cut from the image in one bilinear sampling. The thesis first resizes the head crop and
 * then rotates its mouth box, which samples twice; `half pixel` shifts the crop right and down by half of one of its
 * pixels, as there. Outside the image its border is repeated, where the thesis has black.
 *
 * `track box`: the crops of SyncNet's pipeline (`pipelineCrops`), gray 110 outside. `face box`: the box of each frame,
 * cut off at the image's edges as a slice is. `whole frame`: all of the image. `aligned face`: LatentSync's transform
 * (`alignFace`), gray 127 outside. `dinet head`: DINet's face image with one radius for the video, black outside the
 * image, not rotated; its pose is that of the mouth box in it, with the angle by which the face is rotated. All rows
 * are cut, also where the recipe's network sees the lower half only.
 *
 * @param image size of the frames; with `dinet`, windows whose head crop leaves the frame do not count for the radius.
 * @throws TypeError or RangeError if the track or the crop is not valid; Error if a `dinet` crop finds no radius.
 * @example
 * import { planCrops } from '@lipsync/face-crop';
 * const plan = planCrops(track, expert.recipe.crop);
 * for await (const frame of frames) store.add(plan.cut(frame, frame.index - track.firstFrame));
 */
export function planCrops(track: FaceTrack, crop: StoredCrop, image?: { width: number; height: number }): CropPlan {
  const where = 'planCrops';
  assertFaceTrack(where, track);
  const side = crop.kind === 'dinet head' ? crop.mouth : crop.size;
  const name = crop.kind === 'dinet head' ? 'crop.mouth' : 'crop.size';
  if (!(Number.isInteger(side) && side > 0)) fail(RangeError, where, name, 'a whole number above 0', side);
  if (crop.kind === 'dinet head' && side % 8 !== 0) fail(RangeError, where, name, 'a multiple of 8', side);
  const { poses, region, cut } = planOf(track, crop, image);
  return {
    poses,
    ...(region ? { region } : {}),
    ...storedShape(crop),
    cut(frame, indexInTrack, out) {
      assertVideoFrame('CropPlan.cut', frame);
      if (!(Number.isInteger(indexInTrack) && indexInTrack >= 0 && indexInTrack < track.frameCount)) {
        const rule = `a whole number from 0 to ${track.frameCount - 1}`;
        fail(RangeError, 'CropPlan.cut', 'indexInTrack', rule, indexInTrack);
      }
      return cut(frame, indexInTrack, out);
    },
  };
}

type Cut = Omit<CropPlan, 'height' | 'width'>;

function planOf(track: FaceTrack, crop: StoredCrop, image?: { width: number; height: number }): Cut {
  if (crop.kind === 'dinet head') return headPlan(track, crop, image);
  const { size } = crop;
  switch (crop.kind) {
    case 'similarity':
    case 'dinet': {
      const poses = crop.kind === 'similarity' ? similarityPoses(track, crop) : dinetPoses(track, crop, image);
      const cut: CropPlan['cut'] = (frame, index, out) => {
        const [x, y, side, angle] = poses.subarray(index * 4);
        return sampleSquare(frame, { x, y, side, angle }, size, { out });
      };
      return { poses, cut };
    }
    case 'track box':
      return boxPlan(pipelineCrops(track, crop.scale), size, 110);
    case 'face box':
      return boxPlan(slices(track, image), size, 0);
    case 'whole frame': {
      const whole = ({ width, height }: { width: number; height: number }) => ({ left: 0, top: 0, width, height });
      const poses = boxPoses(
        Array.from({ length: track.frameCount }, () => whole(image ?? { width: size, height: size })),
      );
      const cut: CropPlan['cut'] = (frame, _, out) => {
        if (crop.resize === 'none' && (frame.width !== size || frame.height !== size)) {
          const rule = `of ${size} x ${size} pixels, face crops already`;
          fail(TypeError, 'CropPlan.cut', 'frame', rule, `${frame.width} x ${frame.height}`);
        }
        return resizeBox(frame, whole(frame), size, { out });
      };
      return { poses, cut };
    }
    case 'aligned face': {
      const transforms = alignFace(track);
      const poses = new Float32Array(track.frameCount * 4);
      transforms.forEach(([a, b, c, d, e, f], i) => {
        const [u, v] = [105 - 0.5, 140 - 0.5]; // the middle of the canvas
        poses.set([a * u + b * v + c + 0.5, d * u + e * v + f + 0.5, 280 * Math.hypot(b, e), Math.atan2(d, a)], 4 * i);
      });
      return { poses, cut: (frame, index, out) => cutAlignedFace(frame, transforms[index], size, out) };
    }
  }
}

function headPlan(track: FaceTrack, crop: HeadCrop, image?: { width: number; height: number }): Cut {
  const mouth = { kind: 'dinet', size: crop.mouth, upright: 'median of five', sampling: 'exact' } as const;
  const poses = dinetPoses(track, mouth, image);
  const shape = storedShape(crop);
  const head = headBox(poses[2]);
  const region = (index: number): FrameRegion => {
    const [x, y, side] = poses.subarray(index * 4);
    const [left, top] = [x - side / 2 - head.left, y - side / 2 - head.top];
    return { left, top, width: head.width, height: head.height };
  };
  const cut: CropPlan['cut'] = (frame, index, out) => resizeBox(frame, region(index), shape, { out });
  return { poses, region, cut };
}

function boxPlan(regions: FrameRegion[], size: number, fill: number): Cut {
  return {
    poses: boxPoses(regions),
    region: (index) => regions[index],
    cut: (frame, index, out) => resizeBox(frame, regions[index], size, { fill, out }),
  };
}

function boxPoses(boxes: readonly FrameRegion[]): Float32Array {
  return Float32Array.from(
    boxes.flatMap(({ left, top, width, height }) => [left + width / 2, top + height / 2, Math.max(width, height), 0]),
  );
}

/** Face boxes as Wav2Lip slices them: whole numbers, cut off at the edges. */
function slices(track: FaceTrack, image = { width: Infinity, height: Infinity }): FrameRegion[] {
  const boxes = faceBoxes(track);
  return Array.from({ length: track.frameCount }, (_, i) => {
    const [left, top, right, bottom] = boxes.subarray(4 * i, 4 * i + 4).map(Math.trunc);
    const [x, y] = [Math.max(0, left), Math.max(0, top)];
    const box = {
      left: x,
      top: y,
      width: Math.min(right, image.width) - x,
      height: Math.min(bottom, image.height) - y,
    };
    if (!(box.width > 0 && box.height > 0)) {
      throw new Error(
        `planCrops: the face box of frame ${track.firstFrame + i} must reach into the image, got [${[left, top, right, bottom].join(', ')}]`,
      );
    }
    return box;
  });
}

function similarityPoses(track: FaceTrack, crop: SimilarityCrop): Float32Array {
  const poses = trackPoses(track, crop.window);
  const factor = crop.side;
  for (let i = 2; i < poses.length; i += 4) poses[i] *= factor;
  return poses;
}

function dinetPoses(track: FaceTrack, crop: DinetCrop, image?: { width: number; height: number }): Float32Array {
  const radius = videoCropRadius(track, { image });
  const shift = crop.sampling === 'half pixel' ? radius / crop.size : 0;
  const poses = new Float32Array(track.frameCount * 4);
  for (let i = 0; i < track.frameCount; i++) {
    const points = track.points.subarray(i * 136, (i + 1) * 136);
    // the thesis cuts at whole pixels
    const x = Math.floor(points[2 * 33]);
    const y = Math.floor(points[2 * 29 + 1]) + radius;
    const angle = crop.upright === 'median of five' ? rotationAngle(points) : 0;
    poses.set([x + shift, y + shift, 2 * radius, angle], i * 4);
  }
  return poses;
}
