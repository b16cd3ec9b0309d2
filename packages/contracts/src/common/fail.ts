/** A value as text, cut after 200 characters; strings are quoted only where their end would not be visible. */
function show(value: unknown): string {
  if (Array.isArray(value)) return `[${value.join(', ')}]`;
  if (typeof value === 'string' && value.trim() !== value) return JSON.stringify(value);
  if (value === '') return '""';
  const text = typeof value === 'object' && value !== null ? JSON.stringify(value) : String(value);
  return text.length > 200 ? `${text.slice(0, 200)}…` : text;
}

/**
 * Throws an error in the form that all our errors have: `where: argument must be <rule>, got <value>`.
 *
 * @param kind TypeError for a wrong kind, rank or shape; RangeError for a value out of range; Error for a wrong moment.
 * @param where the caller's function.
 *
 * @example
 * if (fps <= 0) fail(RangeError, 'audioWindowStart', 'fps', 'above 0', fps);
 */
export function fail(
  kind: new (message: string) => Error,
  where: string,
  argument: string,
  rule: string,
  value: unknown,
): never {
  throw new kind(`${where}: ${argument} must be ${rule}, got ${show(value)}`);
}
