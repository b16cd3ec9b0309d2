import { EARLIEST_MICROSECONDS } from '../ffmpeg/filters';

/** A decoded frame and its own time, microseconds from the first frame. */
export type TimedFrame = { data: Uint8Array; time: number };

/** Room for a time that was rounded to microseconds, in frames of the output. */
const ROUNDING = 1e-4;

/**
 * Frames at a constant rate out of frames with times of their own, by the rule of `frameFilter`: frame k is the one
 * nearest to `k / fps`, those after a long gap 50 ms early, the last one until its time is over.
 *
 * @param options.from index of the first frame that is wanted.
 * @param options.endAsFiltered whether the last frame ends where `frameFilter` ends it: half a step earlier. Default
 *   false.
 * @returns frames with their indices; a frame that stands for more than one index is a new array each time.
 */
export async function* nearestFrames(
  frames: AsyncIterable<TimedFrame>,
  { fps, from, endAsFiltered = false }: { fps: number; from: number; endAsFiltered?: boolean },
): AsyncGenerator<{ data: Uint8Array; index: number }> {
  let shown: Uint8Array | undefined;
  let last = 0;
  let step = 1e6 / fps;
  let index = from;
  function* until(end: number) {
    for (let again = false; shown && index < end; index++) {
      yield { data: again ? shown.slice() : shown, index };
      again = true;
    }
  }
  const indexAt = (time: number) => Math.ceil((time * fps) / 1e6 - ROUNDING);
  for await (const { data, time: given } of frames) {
    // A frame without a time follows at the same step, one whose time runs backwards replaces the one before it.
    const time = Number.isNaN(given) ? last + step : shown ? Math.max(given, last) : given;
    if (shown && time > last) step = time - last;
    yield* until(indexAt(shown ? time - Math.min((time - last) / 2, EARLIEST_MICROSECONDS) : time));
    last = time;
    shown = data;
  }
  const shownFor = endAsFiltered
    ? step - Math.min(step / 2, EARLIEST_MICROSECONDS)
    : Math.min(step, 2 * EARLIEST_MICROSECONDS);
  yield* until(indexAt(last + shownFor));
}
