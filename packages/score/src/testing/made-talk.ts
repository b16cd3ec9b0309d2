import { featureStream } from '@lipsync/audio-mel';
import type { SyncRecipe, VerdictCalibration, Waveform } from '@lipsync/contracts';
import type { SyncExpert } from '@lipsync/contracts/tensors';
import * as tf from '@tensorflow/tfjs-core';
import type { PlainImage } from '../frames/images';

// A made "mouth" of eight rows that grow bright and dark, and a "voice" of eight tones that grow loud and soft with
// them: what a network learns of real ones is here known without training.

const SIZE = 8;
const TONES_HZ = [250, 450, 700, 1000, 1400, 1900, 2500, 3200];
const SAMPLE_RATE = 16000;
const FPS = 25;
const STEPS = 5;

/** Numbers in 0..1 (a linear congruential generator; good enough to be unlike those of other seeds). */
export function randomOf(seed: number): () => number {
  let state = (seed * 2654435761) >>> 0;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}

/** How bright each row is, 0..1, by frame. */
export type Talk = Float32Array[];

/** What somebody says, another thing for each seed. */
export function madeTalk(frameCount: number, seed: number): Talk {
  const random = randomOf(seed);
  const raw = Array.from({ length: frameCount + 2 }, () => Float32Array.from(TONES_HZ, () => random()));
  return Array.from({ length: frameCount }, (_, t) =>
    raw[t].map((value, r) => (value + raw[t + 1][r] + raw[t + 2][r]) / 3),
  );
}

export function mouthsOf(talk: Talk): PlainImage[] {
  return talk.map((rows) => ({
    width: SIZE,
    height: SIZE,
    data: Uint8Array.from({ length: SIZE * SIZE * 3 }, (_, i) => Math.round(255 * rows[Math.floor(i / (SIZE * 3))])),
  }));
}

export function voiceOf(talk: Talk): Waveform {
  const perFrame = SAMPLE_RATE / FPS;
  const samples = Float32Array.from({ length: talk.length * perFrame }, (_, i) => {
    const at = i / perFrame - 0.5;
    const from = Math.min(talk.length - 1, Math.max(0, Math.floor(at)));
    const to = Math.min(talk.length - 1, from + 1);
    const share = Math.min(1, Math.max(0, at - from));
    let value = 0;
    for (const [r, hz] of TONES_HZ.entries()) {
      const loudness = talk[from][r] + share * (talk[to][r] - talk[from][r]);
      value += 0.1 * loudness ** 2 * Math.sin((2 * Math.PI * hz * i) / SAMPLE_RATE);
    }
    return value;
  });
  return { samples, sampleRate: SAMPLE_RATE };
}

const recipe: SyncRecipe = {
  frameCount: 5,
  fps: FPS,
  crop: { kind: 'whole frame', size: SIZE, resize: 'none' },
  color: 'RGB',
  range: [0, 1],
  features: 'THESIS_MEL',
  featureSteps: 16,
};

/** A network that reads the rows and the tones. */
export function madeExpert(space: SyncExpert['space'] = 'unit'): SyncExpert {
  const bins = TONES_HZ.map(binOf);
  const unit = (rows: tf.Tensor): tf.Tensor2D => {
    const flat = tf.reshape<tf.Rank.R2>(rows, [rows.shape[0], -1]);
    const centred = tf.sub(flat, tf.mean(flat, 1, true));
    return tf.div(centred, tf.add(tf.norm(centred, 2, 1, true), 1e-6));
  };
  return {
    name: 'made',
    recipe,
    embeddingSize: TONES_HZ.length * STEPS,
    space,
    ...(space === 'unit' ? { calibration: MADE_CALIBRATION } : {}),
    encodeVisual: (frames) =>
      tf.tidy(() => {
        const pixels = tf.reshape(frames, [-1, SIZE, SIZE, recipe.frameCount, 3]);
        return unit(tf.mean(pixels, [2, 4]));
      }),
    encodeAudio: (features) =>
      tf.tidy(() => {
        const tones = tf.gather(tf.squeeze(features, [3]), bins, 1);
        const steps = Array.from({ length: STEPS }, (_, s) =>
          tf.mean(tf.slice(tones, [0, 0, Math.floor(3.2 * s)], [-1, -1, 3]), 2),
        );
        return unit(tf.stack(steps, 2));
      }),
    dispose() {},
  };
}

/** Contrasts of made talk are far above these, those of other talk far below. */
const MADE_CALIBRATION: VerdictCalibration = {
  source: 'made',
  halfAt: [
    [16, 7],
    [41, 11],
    [191, 12],
  ],
  slope: 1,
  farPenalty: 1,
  offBy3: { atOnePercent: [[16, 4]], atFivePercent: [[16, 2]] },
};

/** The band in which a tone is loudest. */
function binOf(hz: number): number {
  const stream = featureStream('THESIS_MEL');
  const samples = Float32Array.from({ length: 4000 }, (_, i) => 0.1 * Math.sin((2 * Math.PI * hz * i) / SAMPLE_RATE));
  const step = stream.push(samples).subarray(2 * stream.bins, 3 * stream.bins);
  return step.indexOf(Math.max(...step));
}
