/** Where commands log: standard error, so that standard output carries results only. */
export function log(line: string): void {
  process.stderr.write(`${line}\n`);
}

/** Prints a result as JSON on standard output. */
export function printJson(value: unknown): void {
  process.stdout.write(`${JSON.stringify(value, null, 2)}\n`);
}
