/** Shows a value in an error without flooding the reader. */
function show(value: unknown): string {
  if (Array.isArray(value)) return `[${value.join(', ')}]`;
  const text = typeof value === 'object' && value !== null ? JSON.stringify(value) : String(value);
  return text.length > 200 ? `${text.slice(0, 200)}…` : text;
}

/**
 * Throws in the one form that all our errors have: `where: argument must be <rule>, got <value>`.
 *
 * @example
 * if (fps <= 0) fail(RangeError, 'melWindow', 'fps', 'above 0', fps);
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
