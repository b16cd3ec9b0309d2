import type { NamedArray } from '@lipsync/checkpoints';

/** FNV-1a of a name's UTF-8 bytes. */
function seedOf(name: string): number {
  let hash = 0x811c9dc5;
  for (const byte of new TextEncoder().encode(name)) hash = Math.imul(hash ^ byte, 0x01000193);
  return hash >>> 0;
}

/** A number in 0..1 for each index of a name: murmur3's finaliser of `seed + index · 0x9e3779b9`. */
function uniform(seed: number, index: number): number {
  let h = (seed + Math.imul(index, 0x9e3779b9)) >>> 0;
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return ((h ^ (h >>> 16)) >>> 0) / 2 ** 32;
}

/** Evenly spread numbers from `low` to `high`, the same as `formula_weights.numbers` in Python, bit for bit. */
export function formulaNumbers(name: string, length: number, low: number, high: number): Float32Array {
  const seed = seedOf(name);
  return Float32Array.from({ length }, (_, index) => low + (high - low) * uniform(seed, index));
}

/**
 * A state dict of made weights, by names and PyTorch shapes: large networks are compared with PyTorch without a file of weights.
 * Convolutions and linear layers get He's uniform spread, so that activations keep their size through many layers.
 */
export function formulaStateDict(shapes: Iterable<readonly [string, readonly number[]]>): Map<string, NamedArray> {
  const state = new Map<string, NamedArray>();
  for (const [name, shape] of shapes) {
    const size = shape.reduce((product, side) => product * side, 1);
    if (name.endsWith('num_batches_tracked')) {
      state.set(name, { dtype: 'int64', shape: [...shape], data: new BigInt64Array(size) });
      continue;
    }
    const [low, high] = rangeOf(name, shape);
    state.set(name, { dtype: 'float32', shape: [...shape], data: formulaNumbers(name, size, low, high) });
  }
  return state;
}

function rangeOf(name: string, shape: readonly number[]): [number, number] {
  if (name.endsWith('running_var')) return [0.5, 1.5];
  if (name.endsWith('running_mean')) return [-0.2, 0.2];
  if (name.endsWith('bias')) return [-0.1, 0.1];
  if (shape.length < 2) return [0.75, 1.25]; // the weight of a norm
  const bound = Math.sqrt(6 / shape.slice(1).reduce((product, side) => product * side, 1));
  return [-bound, bound];
}
