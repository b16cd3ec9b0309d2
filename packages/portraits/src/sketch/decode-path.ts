import type { Candidate } from './nearest-frames';

/**
 * The path of least cost through candidates: minimises `Σ cost(t) + Σ transition(t, t + 1)`, the last transition being 0.
 *
 * Viterbi's algorithm; of equal paths the one whose candidates come first.
 *
 * @param steps candidates of each step, at least one.
 * @param transition cost from one frame to another.
 * @returns the frame of each step, and the cost of the path.
 */
export function decodePath(
  steps: readonly (readonly Candidate[])[],
  transition: (from: number, to: number) => number,
): { frames: Int32Array; cost: number } {
  let costs = steps[0].map(({ cost }) => cost);
  const back: number[][] = [];
  for (let t = 1; t < steps.length; t++) {
    const before = steps[t - 1];
    const links: number[] = [];
    const next = steps[t].map(({ frame, cost }) => {
      let [best, link] = [Infinity, 0];
      before.forEach((from, i) => {
        if (costs[i] >= best) return; // no transition makes it better
        const total = costs[i] + transition(from.frame, frame);
        if (total < best) [best, link] = [total, i];
      });
      links.push(link);
      return best + cost;
    });
    back.push(links);
    costs = next;
  }
  let at = costs.indexOf(Math.min(...costs));
  const cost = costs[at];
  const frames = new Int32Array(steps.length);
  for (let t = steps.length - 1; t >= 0; t--) {
    frames[t] = steps[t][at].frame;
    if (t > 0) at = back[t - 1][at];
  }
  return { frames, cost };
}
