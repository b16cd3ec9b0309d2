import { fail, type Waveform } from '@lipsync/contracts';
import * as tf from '@tensorflow/tfjs-core';
import type { Apc } from '../audio/apc';
import { speechFeatures } from '../audio/speech-features';
import { drawEdgeMap } from '../edge-map/draw-edge-map';
import { FACE_POINTS } from '../edge-map/face-lines';
import type { FeatureManifold } from '../manifold/feature-manifold';
import type { HeadPoseNetwork } from '../motion/head-pose-network';
import { type HeadPoseStreamOptions, sampleHeadPoses } from '../motion/head-pose-stream';
import type { MouthNetwork } from '../motion/mouth-network';
import { mouthMotion } from '../motion/mouth-stream';
import { type Camera, projectFaces } from '../post-processing/camera';
import { type FacesFromMouthOptions, facesFromMouth } from '../post-processing/faces-from-mouth';
import { type HeadMotionOptions, headMotion } from '../post-processing/head-motion';
import type { PortraitRenderer } from './renderer';

/** The networks that turn speech into motion, in evaluation mode, and the person whom they know. */
export type PortraitPerson = {
  apc: Apc;
  /** The person's features. Default: features are taken as they are. */
  manifold?: FeatureManifold;
  mouth: MouthNetwork;
  headPose: HeadPoseNetwork;
  /** `[73, 3]`: the mean face from which the mouth network's displacements count. */
  mean: ArrayLike<number>;
  camera: Camera;
};

/** Options of `portraitMotion`. */
export type PortraitMotionOptions = HeadPoseStreamOptions & {
  /** Of `facesFromMouth`. */
  mouth?: Omit<FacesFromMouthOptions, 'mean'>;
  /** Of `headMotion`; `meanTranslation` puts the head where the person's head was. */
  head?: HeadMotionOptions;
};

/** The motion of a portrait, 60 frames a second. */
export type PortraitMotion = {
  frameCount: number;
  /** `[frameCount, 73, 3]`. */
  faces: Float32Array;
  /** `[frameCount, 6]`: rotations in degrees, translations. */
  poses: Float32Array;
  /** `[frameCount, 73, 2]`: where the camera sees the faces, pixels. */
  points: Float32Array;
};

/**
 * Speech to the motion of a portrait: features, projected on the person's, the mouth's displacements and head poses from
 * them, both smoothed, and seen by the camera.
 *
 * Source: the order of the published demo. As there the motion is `headPose.config.lookAhead` frames shorter than the
 * audio.
 *
 * @param waveform 16 kHz; borrowed.
 * @returns arrays of the caller's.
 * @throws RangeError for audio of another rate, or too short for a frame; Error for networks in training mode.
 * @example
 * import { type PortraitPerson, portraitMotion } from '@lipsync/portraits';
 * declare const person: PortraitPerson;
 * const speech = { samples: new Float32Array(16000), sampleRate: 16000 };
 * const { points } = await portraitMotion(speech, person, { seed: 1, head: { meanTranslation: [0, 0, 100] } }); // 45 frames
 */
export async function portraitMotion(
  waveform: Waveform,
  person: PortraitPerson,
  options: PortraitMotionOptions,
): Promise<PortraitMotion> {
  const { apc, manifold, mouth, headPose, mean, camera } = person;
  const heard = await speechFeatures(apc, waveform);
  const features = manifold ? await manifold.project(heard) : heard;
  const { poseSize, lookAhead } = headPose.config;
  if (features.steps / 2 <= lookAhead) {
    const rule = `longer than ${lookAhead} frames of 1/60 s (the head pose's lookAhead)`;
    fail(RangeError, 'portraitMotion', 'waveform', rule, features.steps / 2);
  }
  const displacements = await mouthMotion(mouth, features);
  const sampled = await sampleHeadPoses(headPose, features, options);
  const frameCount = sampled.length / poseSize;
  const poses = headMotion({ data: sampled, frameCount }, options.head);
  const moved = displacements.subarray(0, frameCount * mouth.config.outputs);
  const faces = facesFromMouth({ data: moved, frameCount }, { ...options.mouth, mean });
  const points = projectFaces({ data: faces, frameCount }, { data: poses, frameCount }, { camera });
  return { frameCount, faces, poses, points };
}

/** Options of `drawPortrait`. */
export type DrawPortraitOptions = {
  renderer: PortraitRenderer;
  /** Photographs of the person, float32 `[1, size, size, 3 · count]`, RGB -1..1; borrowed. */
  candidates: tf.Tensor4D;
  /** `[frameCount, count, 2]` pixels, of `projectShoulders`. Default: none. */
  shoulders?: Float32Array;
  /** Frames that are drawn at once. Default 4. */
  batch?: number;
};

/**
 * Draws the frames of a motion: an edge map of each, and the renderer's image of it.
 *
 * @param points `[frameCount, 73, 2]` pixels, of `portraitMotion`; borrowed.
 * @returns yields RGB, `size · size · 3` bytes each, row by row; the caller's.
 * @throws TypeError for points or shoulders of another shape; Error for a renderer in training mode.
 * @example
 * import { drawPortrait, PortraitRenderer, RENDERER_128 } from '@lipsync/portraits';
 * import * as tf from '@tensorflow/tfjs-core';
 * const renderer = new PortraitRenderer(RENDERER_128, { seed: 0 }).eval();
 * const candidates = tf.zeros<tf.Rank.R4>([1, 128, 128, 12]);
 * for await (const rgb of drawPortrait(new Float32Array(146), { renderer, candidates })) console.log(rgb.length); // 49152
 */
export async function* drawPortrait(
  points: Float32Array,
  { renderer, candidates, shoulders, batch = 4 }: DrawPortraitOptions,
): AsyncGenerator<Uint8Array> {
  const where = 'drawPortrait';
  const { size } = renderer.config;
  const frameCount = points.length / (2 * FACE_POINTS);
  if (!Number.isInteger(frameCount)) fail(TypeError, where, 'points', '[frameCount, 73, 2]', points.length);
  if (shoulders && shoulders.length % (4 * frameCount) !== 0)
    fail(TypeError, where, 'options.shoulders', `[${frameCount}, count, 2], count even`, shoulders.length);
  if (!(Number.isInteger(batch) && batch >= 1))
    fail(RangeError, where, 'options.batch', 'a whole number from 1', batch);
  if (renderer.training) fail(Error, where, 'renderer', 'in evaluation mode (call eval())', 'one in training mode');
  const row = (data: Float32Array, frame: number) => {
    const width = data.length / frameCount;
    return data.subarray(frame * width, (frame + 1) * width);
  };
  for (let first = 0; first < frameCount; first += batch) {
    const count = Math.min(batch, frameCount - first);
    const maps = new Float32Array(count * size * size);
    for (let i = 0; i < count; i++) {
      const map = drawEdgeMap(row(points, first + i), {
        width: size,
        height: size,
        shoulders: shoulders && row(shoulders, first + i),
      });
      for (let pixel = 0; pixel < map.length; pixel++) maps[i * map.length + pixel] = map[pixel] / 127.5 - 1;
    }
    const frames = tf.tidy(() => renderer.render(tf.tensor4d(maps, [count, size, size, 1]), candidates));
    const values = await frames.data();
    frames.dispose();
    const bytes = Uint8ClampedArray.from(values, (value) => 127.5 * (value + 1)); // rounds
    for (let i = 0; i < count; i++) yield new Uint8Array(bytes.slice(i * size * size * 3, (i + 1) * size * size * 3));
  }
}
