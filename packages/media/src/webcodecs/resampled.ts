import { resample } from '@lipsync/audio-mel';

/** Seconds that are resampled at a time: making the filter costs as much as some tenths of a second of audio. */
const BLOCK_SEC = 8;
/** Zero crossings on either side of the filter of `resample`, at the lower rate, with room. */
const FILTER_STEPS = 140;

/**
 * A stream of samples at another rate, in constant memory: bit for bit what `resample` of `@lipsync/audio-mel` makes of
 * the whole.
 *
 * @returns arrays of some seconds; as they come where the rate stays as it is.
 */
export async function* resampled(
  pieces: AsyncIterable<Float32Array>,
  { from, to }: { from: number; to: number },
): AsyncGenerator<Float32Array> {
  if (from === to) {
    yield* pieces;
    return;
  }
  const unit = from / greatestCommonDivisor(from, to); // so many samples become a whole number of them
  const context = unit * Math.ceil((FILTER_STEPS * Math.max(1, from / to)) / unit);
  const block = unit * Math.ceil((BLOCK_SEC * from) / unit);
  let held = new Float32Array(0); // from `context` before the next block on; shorter at the start
  let before = 0;
  const resampledUntil = (end: number) => {
    const { samples } = resample({ samples: held, sampleRate: from }, to);
    return samples.slice((before * to) / from, end === held.length ? undefined : (end * to) / from);
  };
  const waiting: Float32Array[] = [];
  let count = 0;
  const join = () => {
    const all = new Float32Array(held.length + count);
    all.set(held);
    let at = held.length;
    for (const piece of waiting.splice(0)) {
      all.set(piece, at);
      at += piece.length;
    }
    count = 0;
    held = all;
  };
  for await (const piece of pieces) {
    waiting.push(piece);
    count += piece.length;
    if (held.length + count < before + block + context) continue;
    join();
    const end = before + unit * Math.floor((held.length - context - before) / unit);
    yield resampledUntil(end);
    const kept = Math.max(0, end - context);
    held = held.slice(kept);
    before = end - kept;
  }
  join();
  if (held.length > before) yield resampledUntil(held.length);
}

function greatestCommonDivisor(a: number, b: number): number {
  while (b !== 0) [a, b] = [b, a % b];
  return a;
}
