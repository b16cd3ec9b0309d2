import { fail } from '@lipsync/contracts';
import * as v from 'valibot';

/**
 * Checks data from a file or a caller against a schema; unknown keys are dropped.
 *
 * @param options.name what stands before the path to the wrong value in errors, such as `store.json: ` or
 *   `preparation.`.
 * @throws TypeError for a wrong kind, RangeError for a number, with the path to it: `ClipStore.open: store.json:
 *   crop.size must be >=1, got -1`.
 */
export function checkJson<T>(
  schema: v.GenericSchema<unknown, T>,
  value: unknown,
  { where, name }: { where: string; name: string },
): T {
  const result = v.safeParse(schema, value, { abortEarly: true, abortPipeEarly: true });
  if (result.success) return result.output;
  const [issue] = result.issues;
  const path = v.getDotPath(issue);
  const kind = issue.kind === 'validation' ? RangeError : TypeError;
  // Where a check expects no one value, its message is the rule.
  return fail(kind, where, path ? name + path : name.replace(/\W+$/, ''), issue.expected ?? issue.message, issue.input);
}
