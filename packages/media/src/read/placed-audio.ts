/** A run of samples and where its first one belongs, in samples from the first frame; NaN: after the run before it. */
export type PlacedSamples = { samples: Float32Array; at: number };

/**
 * Audio out of runs of samples that know their place: what is missing between them is silence, what is there twice or
 * belongs before `from` is left out.
 *
 * @param options.from the first sample that is wanted. @param options.pieceLength samples of each array but the last.
 */
export async function* placedAudio(
  runs: AsyncIterable<PlacedSamples>,
  { from, pieceLength }: { from: number; pieceLength: number },
): AsyncGenerator<Float32Array> {
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
  for await (const { samples, at: given } of runs) {
    const at = Number.isNaN(given) ? next : given;
    while (next < at) yield* append(silence.subarray(0, Math.min(pieceLength, at - next)));
    yield* append(samples.subarray(Math.min(samples.length, next - at)));
  }
  if (filled > 0) yield piece.slice(0, filled);
}
