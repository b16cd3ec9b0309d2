/** A page of a tried application, opened in a headless Chromium. */
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';
import { installInScratch, scratch } from '../../tests/browser/scratch.mjs';
import { scoreIn } from './programs.mjs';

const LIMIT_MS = 300_000;
const PROGRAMS = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'];

/** Thrown where the machine lacks what a check needs. */
export class Skipped extends Error {}

/**
 * Gives the video to the only file input of the page.
 *
 * @returns the score in its `<output>`. @throws Skipped where there is no Chromium.
 */
export async function scoreInPage(url, clip) {
  const executablePath = PROGRAMS.find(existsSync);
  if (!executablePath) throw new Skipped('no chromium here; on Debian: apt-get install chromium');
  installInScratch(['playwright-core']);
  const { default: playwright } = await import(
    pathToFileURL(createRequire(`${scratch}/package.json`).resolve('playwright-core')).href
  );
  const browser = await playwright.chromium.launch({ executablePath, args: ['--no-sandbox'] });
  try {
    const page = await browser.newPage();
    const errors = [];
    page.on('pageerror', (error) => errors.push(error.message));
    page.on('console', (message) => message.type() === 'error' && errors.push(message.text()));
    await page.goto(url);
    await page.setInputFiles('input[type=file]', clip);
    const output = page.locator('output').filter({ hasText: /\S/ });
    await output.waitFor({ timeout: LIMIT_MS }).catch(() => {
      throw new Error(`the page must show a score, got ${errors.join(' | ') || 'nothing'}`);
    });
    return scoreIn(await output.textContent());
  } finally {
    await browser.close();
  }
}
