/** One drawn augmentation of a training window: drawn by a loader, applied where the window is cut. */
export type AugmentationDraw = {
  view: { scale: number; aspect: number; angle: number; mirrored: boolean; across: number; down: number };
  colour: { contrast: number; brightness: number; gains: [number, number, number]; gray: boolean; noise: number };
  audio: {
    gain: number;
    tilt: number;
    scale: number;
    shift: number;
    /** Natural log of the power of an added noise floor; missing: none. */
    floor?: number;
    noise: number;
    jitterSteps: number;
  };
  /** Seconds of the clip in a second of the window, for frames and audio alike; missing: 1. */
  speed?: number;
  /** Where in `noiseTable` the noise of frames, of audio and of the floor starts. */
  noiseStarts: [number, number, number];
};
