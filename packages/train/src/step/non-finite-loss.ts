/**
 * Thrown by a training step where a loss or a gradient is not finite, or larger than allowed; no weight has changed
 * then.
 */
export class NonFiniteLoss extends Error {
  override readonly name = 'NonFiniteLoss';
  /** Figures of the step as far as they were computed, by name. */
  readonly figures: Readonly<Record<string, number>>;

  constructor(message: string, figures: Record<string, number>) {
    super(message);
    this.figures = Object.freeze({ ...figures });
  }
}

/**
 * Refuses figures of a step that are not finite, or above a limit.
 *
 * @param where the step, for the message.
 * @param options.limited Names of the figures that `limit` holds for.
 * @throws NonFiniteLoss that names the first of them.
 * @example
 * assertFinite('DinetTrainer.step', { sync, gradientNorm }, { limited: ['gradientNorm'], limit: 1e4 });
 */
export function assertFinite(
  where: string,
  figures: Record<string, number>,
  { limited = [], limit = Number.POSITIVE_INFINITY }: { limited?: readonly string[]; limit?: number } = {},
): void {
  for (const [name, value] of Object.entries(figures)) {
    if (!Number.isFinite(value))
      throw new NonFiniteLoss(`${where}: ${name} must be finite, got ${value}; no weight was changed`, figures);
  }
  for (const name of limited) {
    if (figures[name] > limit) {
      const text = `${where}: ${name} must be at most ${limit} (option divergence), got ${figures[name]}; no weight was changed`;
      throw new NonFiniteLoss(text, figures);
    }
  }
}
