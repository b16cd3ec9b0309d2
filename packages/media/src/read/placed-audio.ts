/** A run of samples and where its first one belongs, in samples from the first frame; NaN: after the run before it. */
export type PlacedSamples = { samples: Float32Array; at: number };

/** A run that begins this close to the end of the one before it follows it: containers round their times. Seconds. */
const JITTER_SEC = 0.004;

/**
 * Audio out of runs of samples that know their place: what is missing between them is silence, what is there twice or
 * belongs before `from` is left out. A single run that is out of line with the runs on both sides of it is put in line.
 *
 * @param options.from the first sample that is wanted.
 * @returns arrays of one second, the last one shorter.
 */
export async function* placedAudio(
  runs: AsyncIterable<PlacedSamples>,
  { from, sampleRate }: { from: number; sampleRate: number },
): AsyncGenerator<Float32Array> {
  const pieceLength = Math.round(sampleRate);
  let piece = new Float32Array(pieceLength);
  let filled = 0;
  let next = from;
  function* append(samples: Float32Array) {
    for (let offset = 0; offset < samples.length; ) {
      const part = samples.subarray(offset, offset + pieceLength - filled);
      piece.set(part, filled);
      filled += part.length;
      offset += part.length;
      if (filled < pieceLength) continue;
      yield piece;
      piece = new Float32Array(pieceLength);
      filled = 0;
    }
    next += samples.length;
  }
  const silence = new Float32Array(pieceLength);
  for await (const { samples, at } of inLine(runs, JITTER_SEC * sampleRate)) {
    while (next < at) yield* append(silence.subarray(0, Math.min(pieceLength, at - next)));
    yield* append(samples.subarray(Math.min(samples.length, next - at)));
  }
  if (filled > 0) yield piece.slice(0, filled);
}

/** The runs with their places mended, each with the one after it in view. */
async function* inLine(runs: AsyncIterable<PlacedSamples>, jitter: number): AsyncGenerator<PlacedSamples> {
  let held: PlacedSamples | undefined;
  let end: number | undefined; // of the run before the one that is held
  const place = ({ samples, at }: PlacedSamples, following?: number) => {
    const expected = end ?? at;
    const isOff = !(Math.abs(at - expected) <= jitter); // NaN, too
    // Which of the two places does the run after it follow?
    const stray =
      following !== undefined &&
      Math.abs(following - (expected + samples.length)) < Math.abs(following - (at + samples.length));
    const placed = Number.isNaN(at) || !isOff || stray ? expected : at;
    end = placed + samples.length;
    return { samples, at: placed };
  };
  for await (const run of runs) {
    if (held) yield place(held, run.at);
    held = run;
  }
  if (held) yield place(held);
}
