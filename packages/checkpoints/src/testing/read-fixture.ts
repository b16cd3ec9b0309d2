import { readFileSync } from 'node:fs';

/** A JSON fixture of this package by its name without extension. */
export function readFixture<T>(name: string): T {
  return JSON.parse(readFileSync(new URL(`../../fixtures/${name}.json`, import.meta.url), 'utf8')) as T;
}
