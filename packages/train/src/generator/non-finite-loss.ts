/** Thrown by `DinetTrainer.step` where a loss or a gradient is not finite, or larger than allowed; no weight has changed then. */
export class NonFiniteLoss extends Error {
  override readonly name = 'NonFiniteLoss';
  /** Figures of the step as far as it came, by name. */
  readonly figures: Readonly<Record<string, number>>;

  constructor(message: string, figures: Record<string, number>) {
    super(message);
    this.figures = Object.freeze({ ...figures });
  }
}

/**
 * Refuses figures that are not finite, or above a limit.
 *
 * @param limited Names of those that `limit` holds for.
 * @throws NonFiniteLoss that names the first of them.
 */
export function assertFinite(figures: Record<string, number>, limited: readonly string[] = [], limit = Infinity): void {
  for (const [name, value] of Object.entries(figures)) {
    if (!Number.isFinite(value))
      throw new NonFiniteLoss(
        `DinetTrainer.step: ${name} must be finite, got ${value}; no weight was changed`,
        figures,
      );
  }
  for (const name of limited) {
    if (figures[name] > limit) {
      const text = `DinetTrainer.step: ${name} must be at most ${limit} (option explosion), got ${figures[name]}; no weight was changed`;
      throw new NonFiniteLoss(text, figures);
    }
  }
}
