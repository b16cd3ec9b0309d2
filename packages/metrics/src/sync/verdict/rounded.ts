/** Four digits after the point, which is more than is known; null for what is not a number. */
export function rounded(value: number): number | null {
  return Number.isFinite(value) ? Math.round(value * 1e4) / 1e4 : null;
}
