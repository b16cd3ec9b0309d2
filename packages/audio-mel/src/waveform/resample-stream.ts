import { greatestCommonDivisor, resample } from './resample';

/** Zero crossings on either side of the filter of `resample`, at the lower rate, with room. */
const FILTER_STEPS = 140;

/** Options of `resampleStream`. */
export type ResampleStreamOptions = {
  /** Sample rate of the pieces, Hz. */
  from: number;
  /** Sample rate of the result, Hz. */
  to: number;
  /**
   * Seconds that are resampled at a time, by which the result is late. Default 8: making the filter costs as much as some
   * tenths of a second of audio.
   */
  blockSec?: number;
};

/**
 * A stream of samples at another rate, in constant memory: bit for bit what `resample` makes of the whole.
 *
 * @returns arrays of about `blockSec`; as they come where the rate stays as it is.
 * @throws RangeError as `resample`.
 * @example
 * import { resampleStream } from '@lipsync/audio-mel';
 * for await (const piece of resampleStream(pieces, { from: 48000, to: 16000 })) console.log(piece.length);
 */
export async function* resampleStream(
  pieces: AsyncIterable<Float32Array>,
  { from, to, blockSec = 8 }: ResampleStreamOptions,
): AsyncGenerator<Float32Array> {
  if (from === to) {
    yield* pieces;
    return;
  }
  const unit = from / greatestCommonDivisor(from, to); // so many samples become a whole number of them
  const context = unit * Math.ceil((FILTER_STEPS * Math.max(1, from / to)) / unit);
  const block = unit * Math.ceil((blockSec * from) / unit);
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
