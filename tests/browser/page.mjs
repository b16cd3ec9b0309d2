/** What the page runs: the packages as a bundler gives them to a user. `window.work(backend)` is called by scripts/check-browser.mjs. */
import '@tensorflow/tfjs-backend-webgl';
import '@tensorflow/tfjs-backend-webgpu';
import { audioFeatures } from '@lipsync/audio-mel';
import { AVAlignNet, ContrastiveTemperature, contrastLoss } from '@lipsync/avalignnet';
import { selectBackend } from '@lipsync/backends';
import * as checkpoints from '@lipsync/checkpoints';
import * as contracts from '@lipsync/contracts';
import * as dinet from '@lipsync/dinet';
import * as faceCrop from '@lipsync/face-crop';
import { localEmbedder, WindowScorer } from '@lipsync/metrics';
import {
  AdamW,
  clipGradientNorm,
  disposeGradients,
  ExponentialMovingAverage,
  registerGradients,
  valueAndGradients,
} from '@lipsync/nn';
import { loadExpert, scoreFrames } from '@lipsync/score';
import { cutFeatureWindow } from '@lipsync/sync-windows';
import * as syncnet from '@lipsync/syncnet';
import * as tf from '@tensorflow/tfjs-core';
import { embedPretrained, score, train } from './work.mjs';

const lipsync = {
  audioFeatures,
  cutFeatureWindow,
  AVAlignNet,
  ContrastiveTemperature,
  contrastLoss,
  clipGradientNorm,
  disposeGradients,
  valueAndGradients,
  loadExpert,
  localEmbedder,
  scoreFrames,
  WindowScorer,
  AdamW,
  ExponentialMovingAverage,
};

/** Packages that only have to load. */
window.loaded = { checkpoints, contracts, dinet, faceCrop, syncnet };

window.work = async (backend, threads) => {
  const selected = await selectBackend({ backend, threads, allowSoftwareGpu: true, wasmPaths: '/wasm/' });
  registerGradients();
  return {
    ...selected,
    isolated: globalThis.crossOriginIsolated,
    training: await train(tf, lipsync),
    scoring: await score(tf, lipsync),
    pretrained: await embedPretrained(tf, lipsync),
  };
};
