/** What the page runs: the packages as a bundler gives them to a user. `window.work(backend)` is called by scripts/check-browser.mjs. */
import '@tensorflow/tfjs-backend-webgl';
import '@tensorflow/tfjs-backend-webgpu';
import { audioFeatures } from '@lipsync/audio-mel';
import { AVAlignNet, ContrastiveTemperature, contrastLoss } from '@lipsync/avalignnet';
import { selectBackend } from '@lipsync/backends';
import { localEmbedder, WindowScorer } from '@lipsync/metrics';
import {
  AdamW,
  clipGradientNorm,
  disposeGradients,
  ExponentialMovingAverage,
  registerGradients,
  valueAndGradients,
} from '@lipsync/nn';
import { cutFeatureWindow } from '@lipsync/sync-windows';
import * as tf from '@tensorflow/tfjs-core';
import { score, train } from './work.mjs';

const lipsync = {
  audioFeatures,
  cutFeatureWindow,
  AVAlignNet,
  ContrastiveTemperature,
  contrastLoss,
  clipGradientNorm,
  disposeGradients,
  valueAndGradients,
  localEmbedder,
  WindowScorer,
  AdamW,
  ExponentialMovingAverage,
};

window.work = async (backend, threads) => {
  const selected = await selectBackend({ backend, threads, allowSoftwareGpu: true, wasmPaths: '/wasm/' });
  registerGradients();
  return {
    ...selected,
    isolated: globalThis.crossOriginIsolated,
    training: await train(tf, lipsync),
    scoring: await score(tf, lipsync),
  };
};
