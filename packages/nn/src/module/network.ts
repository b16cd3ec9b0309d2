import type { NamedArray } from '@lipsync/checkpoints';
import { Module } from './module';

/**
 * A whole network: a `Module` that knows which file its weights came from.
 *
 * @example
 * class Line extends Network {
 *   readonly #fc = this.register('fc', new Linear({ inFeatures: 1, outFeatures: 1, random: new Random(0) }));
 * }
 * console.log(new Line().weightsHash); // undefined: its weights came from no file
 */
export abstract class Network extends Module {
  /**
   * SHA-256 of the weights file, hexadecimal; set by the loader, undefined once the weights are replaced or trained.
   */
  weightsHash?: string;

  override train(mode = true): this {
    if (mode) this.weightsHash = undefined;
    return super.train(mode);
  }

  override loadStateDict(state: Map<string, NamedArray>, options?: { where?: string }): void {
    super.loadStateDict(state, options);
    this.weightsHash = undefined;
  }
}
