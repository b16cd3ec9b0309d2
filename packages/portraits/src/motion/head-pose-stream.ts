import { assertFeatures, type Features, fail } from '@lipsync/contracts';
import { Random } from '@lipsync/nn';
import * as tf from '@tensorflow/tfjs-core';
import type { HeadPoseNetwork } from './head-pose-network';
import { assertEvaluates } from './mouth-stream';
import { FeaturePairs } from './paired-features';
import { PoseSampler } from './pose-sampler';

/** Options of `HeadPoseStream`. */
export type HeadPoseStreamOptions = {
  /** Seed of the motion, an integer: the same seed and audio give the same motion. */
  seed: number;
  /** Factor of the deviations; 0 takes the means, 1 draws from the whole distribution. Default 0.3, the reference's. */
  sigmaScale?: number;
  /** The pose before the first, `poseSize` values. Default zeros. */
  firstPose?: ArrayLike<number>;
};

/**
 * Head motion for features that come in pieces: each frame's pose is drawn from the network's distribution, `μ +
 * sigmaScale · σ · ε`, and goes into the next one's. What `push` returns, concatenated, equals `sampleHeadPoses` of the
 * whole, but for rounding; in constant memory.
 *
 * The pose of a frame is returned once the features of `lookAhead` frames more have come. As in the reference the motion
 * is `lookAhead` frames shorter than the audio, and before it stand the first pose and the first features for the whole
 * receptive field. The numbers `ε` of a frame depend on the seed and the frame only.
 *
 * @example
 * import { HEAD_POSE, HeadPoseNetwork, HeadPoseStream } from '@lipsync/portraits';
 * const net = new HeadPoseNetwork(HEAD_POSE, { seed: 0 }).eval();
 * const stream = await HeadPoseStream.open(net, { seed: 1 });
 * const poses = await stream.push({ data: new Float32Array(120 * 512), steps: 120, bins: 512 }); // 45 frames of 12
 */
export class HeadPoseStream {
  readonly #net: HeadPoseNetwork;
  readonly #sampler: PoseSampler;
  readonly #pairs: FeaturePairs;
  readonly #seed: number;
  readonly #sigmaScale: number;
  #pose: Float32Array;
  /** Frame of the next condition; the first belong to poses before the motion. */
  #frame: number;
  #begun = false;

  private constructor(net: HeadPoseNetwork, sampler: PoseSampler, options: Required<HeadPoseStreamOptions>) {
    this.#net = net;
    this.#sampler = sampler;
    this.#pairs = new FeaturePairs(net.config.featureSize);
    this.#seed = options.seed;
    this.#sigmaScale = options.sigmaScale;
    this.#pose = Float32Array.from(options.firstPose);
    this.#frame = -net.config.lookAhead;
  }

  /**
   * Opens a stream with a copy of the network's weights; the network stays the caller's, in evaluation mode, for as long
   * as the stream is used.
   *
   * @throws Error for a network in training mode; RangeError or TypeError for options out of range.
   */
  static async open(net: HeadPoseNetwork, options: HeadPoseStreamOptions): Promise<HeadPoseStream> {
    const where = 'HeadPoseStream.open';
    const { poseSize } = net.config;
    const { seed, sigmaScale = 0.3, firstPose = new Float32Array(poseSize) } = options;
    assertEvaluates(where, net);
    if (!Number.isSafeInteger(seed)) fail(RangeError, where, 'options.seed', 'an integer', seed);
    if (!(sigmaScale >= 0 && sigmaScale < Infinity))
      fail(RangeError, where, 'options.sigmaScale', 'a finite number from 0', sigmaScale);
    if (firstPose.length !== poseSize)
      fail(TypeError, where, 'options.firstPose', `of ${poseSize} values`, firstPose.length);
    const sampler = new PoseSampler(await net.stateDict(), net.config);
    return new HeadPoseStream(net, sampler, { seed, sigmaScale, firstPose });
  }

  /**
   * Takes the next features, 120 a second, any number. One call at a time.
   *
   * @returns float32 `[frames · poseSize]`: the poses that are certain; the caller's.
   * @throws TypeError for features of another size.
   */
  async push(features: Features): Promise<Float32Array> {
    const where = 'HeadPoseStream.push';
    assertFeatures(where, features);
    const { featureSize, poseSize } = this.#net.config;
    if (features.bins !== featureSize) fail(TypeError, where, 'features.bins', `${featureSize}`, features.bins);
    const pairs = this.#pairs.push(features.data);
    const frames = pairs.length / (2 * featureSize);
    if (frames === 0) return new Float32Array(0);
    const sums = tf.tidy(() => this.#net.conditionSums(tf.tensor3d(pairs.slice(), [1, 2 * frames, featureSize])));
    const conditions = (await sums.data()) as Float32Array;
    sums.dispose();
    const width = conditions.length / frames;
    const poses: Float32Array[] = [];
    for (let i = 0; i < frames; i++) {
      const pose = this.#next(conditions.subarray(i * width, (i + 1) * width));
      if (pose) poses.push(pose);
    }
    const out = new Float32Array(poses.length * poseSize);
    poses.forEach((pose, i) => out.set(pose, i * poseSize));
    return out;
  }

  /** The pose that a frame's condition completes; none for the first `lookAhead`. */
  #next(condition: Float32Array): Float32Array | undefined {
    if (!this.#begun) this.#sampler.begin(this.#pose, condition);
    this.#begun = true;
    const output = this.#sampler.next(this.#pose, condition);
    const frame = this.#frame++;
    if (frame < 0) return undefined;
    const { poseSize } = this.#net.config;
    const random = new Random(this.#seed, frame);
    this.#pose = Float32Array.from({ length: poseSize }, (_, i) => {
      return output[1 + i] + this.#sigmaScale * Math.exp(-output[1 + poseSize + i]) * random.normal();
    });
    return this.#pose;
  }
}

/**
 * Head motion for the features of a whole clip.
 *
 * @param features `[2 · frames, featureSize]`, 120 a second.
 * @returns float32 `[(frames - lookAhead) · poseSize]`, 60 frames a second; the caller's.
 * @throws as `HeadPoseStream`.
 * @example
 * import { loadHeadPoseNetwork, sampleHeadPoses } from '@lipsync/portraits';
 * const net = await loadHeadPoseNetwork('pose.safetensors');
 * const features = { data: new Float32Array(120 * 512), steps: 120, bins: 512 };
 * const poses = await sampleHeadPoses(net, features, { seed: 1 }); // 45 frames of 12
 */
export async function sampleHeadPoses(
  net: HeadPoseNetwork,
  features: Features,
  options: HeadPoseStreamOptions,
): Promise<Float32Array> {
  const stream = await HeadPoseStream.open(net, options);
  return stream.push(features);
}
