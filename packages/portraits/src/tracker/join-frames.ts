/** The same number of values in frames that follow one another. */
export type FrameRun = { firstFrame: number; frameCount: number; data: Float32Array; interpolated: number };

/**
 * Joins the frames that have values to runs without gaps.
 *
 * @param frames values of each frame that has any, in the order of the frames.
 * @param maxGap longest gap, in frames, that is interpolated linearly; a longer one starts a new run.
 */
export function joinFrames(frames: ReadonlyMap<number, Float32Array>, maxGap: number): FrameRun[] {
  const runs: [number, Float32Array][][] = [];
  let last = Number.NEGATIVE_INFINITY;
  for (const [frame, values] of frames) {
    if (frame - last - 1 > maxGap || runs.length === 0) runs.push([]);
    runs[runs.length - 1].push([frame, values]);
    last = frame;
  }
  return runs.map((run) => {
    const [firstFrame, { length: size }] = run[0];
    const frameCount = run[run.length - 1][0] - firstFrame + 1;
    const data = new Float32Array(frameCount * size);
    run.forEach(([frame, values], i) => {
      const [before, from] = i === 0 ? [frame - 1, values] : run[i - 1];
      for (let at = before + 1; at <= frame; at++) {
        const share = (at - before) / (frame - before);
        for (let k = 0; k < size; k++) data[(at - firstFrame) * size + k] = from[k] + share * (values[k] - from[k]);
      }
    });
    return { firstFrame, frameCount, data, interpolated: frameCount - run.length };
  });
}
