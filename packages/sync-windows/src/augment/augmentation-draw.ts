/** How one training window is varied; drawn by the loader, applied where the window is cut. */
export type AugmentationDraw = {
  view: { scale: number; aspect: number; angle: number; mirrored: boolean; across: number; down: number };
  colour: { contrast: number; brightness: number; gains: [number, number, number]; gray: boolean; noise: number };
  audio: {
    gain: number;
    tilt: number;
    scale: number;
    shift: number;
    /** Natural log of the floor's power; missing: none. */
    floor?: number;
    noise: number;
    jitterSteps: number;
  };
  /** Where in the table of normal numbers frame noise, audio noise and the floor start. */
  noiseStarts: [number, number, number];
};
