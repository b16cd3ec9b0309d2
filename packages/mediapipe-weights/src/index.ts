/** A stored network: its files in the folder `models` beside this module, and what is in them. */
export type WeightFile = {
  /** The graph, in the format of the TensorFlow.js converter. */
  graph: string;
  /** Its weights. */
  weights: string;
  /** SHA-256 of both files, the graph's first, in hexadecimal digits. */
  sha256: readonly [string, string];
};

/**
 * Where the files are: `file:` in Node, else the address that the bundler gives them.
 *
 * @example
 * const bytes = await (await fetch(MEDIAPIPE_FILES['blazeface.bin'])).arrayBuffer();
 */
export const MEDIAPIPE_FILES: Readonly<Record<string, URL>> = {
  // Bundlers find the files by these expressions, so each stands as it is.
  'blazeface.json': new URL('./models/blazeface.json', import.meta.url),
  'blazeface.bin': new URL('./models/blazeface.bin', import.meta.url),
  'facemesh.json': new URL('./models/facemesh.json', import.meta.url),
  'facemesh.bin': new URL('./models/facemesh.bin', import.meta.url),
};

/**
 * The networks of this package.
 *
 * `blazeface`: MediaPipe's face detector for 256 x 256 pixels, 896 anchors, float32. `facemesh`: its 468 points of a
 * face in 192 x 192 pixels, with the confidence that there is one, float16.
 *
 * Source: `models/` of `@vladmandic/human` 3.3.6, byte for byte; the build checks the sums.
 */
export const MEDIAPIPE_WEIGHTS = {
  blazeface: {
    graph: 'blazeface.json',
    weights: 'blazeface.bin',
    sha256: [
      'cd7bbfc078270572beb39f9e5ae67aadbd50b5e67cff37e6d4f6b3ea39312e5f',
      'dc9a97fdc50bc43216554bdd69aa3e7b9361a519ee7bdd996a2f69a98a6f9b72',
    ],
  },
  facemesh: {
    graph: 'facemesh.json',
    weights: 'facemesh.bin',
    sha256: [
      'b60ca26f404724f43bd2b1575761d8265180e1f053cc0731caa68462927309e7',
      '3826da640b0a3021161605369ee6af293f75d518040355b960ec71a3390c1c0b',
    ],
  },
} as const satisfies Record<string, WeightFile>;
