/** What an application does, on whatever backend is set: two steps of training, and a score. Runs in Node and in pages. */
import { noise } from './kernel-cases.mjs';

/** Two steps: the second has the moments of the first. */
const STEPS = 2;
const WINDOWS = 5;
const MAX_SHIFT = 2;

/** As small as networks of this kind get: software adapters manage some 0.1 GFLOP a second. */
export function tiny({ melBins, attention }) {
  const [audioWidths, audioFactors] =
    melBins === 80
      ? [
          [32, 32, 256],
          [[5, 2], [4, 2], 4],
        ]
      : [
          [32, 256],
          [4, 4],
        ];
  const tower = (in_channels, block_out_channels, downsample_factors) => {
    const attn_blocks = block_out_channels.map((_, block) =>
      Number(attention && block === block_out_channels.length - 2),
    );
    return { in_channels, block_out_channels, downsample_factors, attn_blocks, dropout: 0 };
  };
  return {
    visual_encoder: tower(15, [32, 256], [4, 2]),
    audio_encoder: tower(1, audioWidths, audioFactors),
    input: { frameCount: 5, height: 8, width: 8, featureSteps: 16, melBins },
  };
}

/**
 * Trains a small AVAlignNet with attention for two steps: contrast and cross-entropy, clipping, AdamW, moving average.
 *
 * @param lipsync what `@lipsync/avalignnet` and `@lipsync/nn` export.
 * @returns the losses, the lengths of the gradients, and the mean size of the averaged weights.
 */
export async function train(tf, lipsync) {
  const {
    AVAlignNet,
    ContrastiveTemperature,
    contrastLoss,
    AdamW,
    clipGradientNorm,
    disposeGradients,
    ExponentialMovingAverage,
    valueAndGradients,
  } = lipsync;
  const before = tf.memory().numTensors;
  const config = tiny({ melBins: 16, attention: true });
  const net = new AVAlignNet(config, { seed: 7 });
  const head = new ContrastiveTemperature();
  const parameters = new Map([...net.namedParameters(), ...head.namedParameters()]);
  const optimizer = new AdamW(parameters, { learningRate: 1e-3 });
  const ema = new ExponentialMovingAverage(net, { decay: 0.9 });
  const { frameCount, height, width, featureSteps } = config.input;
  const rows = 4;
  const tensor = (shape, seed) =>
    tf.tensor(
      noise(
        shape.reduce((a, b) => a * b),
        seed,
      ),
      shape,
    );
  const batch = {
    frames: tensor([rows, height, width, 3 * frameCount], 1),
    features: tensor([rows, 16, featureSteps, 1], 2),
    clips: [0, 0, 1, 1],
  };
  const loss = contrastLoss({ temperature: head, crossEntropyWeight: 0.5 });
  const result = { losses: [], gradientNorms: [], averageSize: 0, leaked: 0 };
  for (let step = 0; step < STEPS; step++) {
    const forward = () => loss(net.forward(batch.frames, batch.features), batch).loss;
    const { value, gradients } = valueAndGradients(parameters, forward);
    const norm = clipGradientNorm(gradients, 1);
    result.losses.push((await value.data())[0]);
    result.gradientNorms.push((await norm.data())[0]);
    optimizer.step(gradients);
    ema.update(step);
    tf.dispose([value, norm]);
    disposeGradients(gradients);
  }
  let [sum, count] = [0, 0];
  for (const { data } of (await ema.stateDict()).values()) {
    for (const value of data) sum += Math.abs(Number(value));
    count += data.length;
  }
  result.averageSize = sum / count;
  for (const owner of [net, head, optimizer, ema]) owner.dispose();
  tf.dispose([batch.frames, batch.features]);
  result.leaked = tf.memory().numTensors - before;
  return result;
}

/**
 * Scores generated frames and audio with an untrained expert: window by window, and as an application does, by `scoreFrames`.
 *
 * @param lipsync what `@lipsync/avalignnet`, `@lipsync/audio-mel`, `@lipsync/sync-windows`, `@lipsync/metrics` and `@lipsync/score` export.
 */
export async function score(tf, lipsync) {
  const { AVAlignNet, audioFeatures, cutFeatureWindow, localEmbedder, scoreFrames, WindowScorer } = lipsync;
  const config = tiny({ melBins: 80, attention: false });
  const { frameCount, height, width, featureSteps } = config.input;
  const recipe = {
    frameCount,
    fps: 25,
    crop: {
      kind: 'similarity',
      centre: 'mean 48-67',
      upright: 'eye centres',
      side: 1.18,
      size: width,
      window: 'clip median',
    },
    color: 'RGB',
    range: [-1, 1],
    features: 'THESIS_MEL',
    featureSteps,
  };
  const expert = new AVAlignNet(config, { seed: 7, recipe });
  const before = tf.memory().numTensors;
  const samples = noise(16000 * 2, 3).map((value) => value / 4);
  const audio = audioFeatures(recipe.features).compute({ samples, sampleRate: 16000 });
  const scorer = new WindowScorer(localEmbedder(expert), { maxShift: MAX_SHIFT, batchSize: 3 });
  for (let frame = 0; frame < WINDOWS; frame++) {
    const features = cutFeatureWindow(audio, frame, { recipe });
    await scorer.update({ frames: noise(height * width * 3 * frameCount, 10 + frame), features });
  }
  const { offsetFrames, lseD, lseC, meanDistances } = await scorer.compute();
  const frames = tf.tensor4d(noise(2 * height * width * 3 * frameCount, 5), [2, height, width, 3 * frameCount]);
  const embeddings = expert.encodeVisual(frames);
  const embedded = [...(await embeddings.data())];
  tf.dispose([frames, embeddings]);
  const mouths = Array.from({ length: WINDOWS + frameCount }, (_, frame) => ({
    data: Uint8Array.from(noise(height * width * 3, 50 + frame), (value) => 128 + 40 * value),
    height,
    width,
  }));
  const { faces } = await scoreFrames(
    { mouths, fps: 25, audio: { samples, sampleRate: 16000 } },
    { expert, maxShift: MAX_SHIFT },
  );
  const [face] = faces;
  const leaked = tf.memory().numTensors - before;
  expert.dispose();
  const distances = [...meanDistances, ...face.meanDistances].map(({ distance }) => distance);
  return { offsetFrames, lseD, lseC, face: [face.offsetFrames, face.lseD, face.lseC], distances, embedded, leaked };
}

/**
 * Embeds a window of generated frames and one of generated features with the weights of `@lipsync/pretrained`.
 *
 * @param lipsync what `@lipsync/score` exports.
 */
export async function embedPretrained(tf, { loadExpert }) {
  const before = tf.memory().numTensors;
  const expert = await loadExpert();
  const { recipe, weightsHash } = expert;
  const { size } = recipe.crop;
  const frames = tf.tensor4d(noise(size * size * 3 * recipe.frameCount, 21), [1, size, size, 3 * recipe.frameCount]);
  const features = tf.tensor4d(
    noise(80 * recipe.featureSteps, 22).map((value) => 4 * value),
    [1, 80, recipe.featureSteps, 1],
  );
  const [visual, audio] = [expert.encodeVisual(frames), expert.encodeAudio(features)];
  const embeddings = [...(await visual.data()), ...(await audio.data())];
  tf.dispose([frames, features, visual, audio]);
  expert.dispose();
  return { weightsHash, embeddings, leaked: tf.memory().numTensors - before };
}

/** The largest difference of two equally built results, in parts of the larger number of each pair (at least `least`). */
export function largestDifference(a, b, least = 1e-3) {
  const [left, right] = [numbers(a), numbers(b)];
  if (left.length !== right.length) return Infinity;
  return left.reduce((most, value, i) => {
    if (Number.isNaN(value) && Number.isNaN(right[i])) return most;
    const difference = Math.abs(value - right[i]) / Math.max(least, Math.abs(value), Math.abs(right[i]));
    return Math.max(most, Number.isNaN(difference) ? Infinity : difference);
  }, 0);
}

function numbers(value) {
  return typeof value === 'number' ? [value] : Object.values(value).flatMap(numbers);
}
