/**
 * Follows the relative links of pages, and looks for the scripts that they name. The package `lipsync` of npm is somebody else's: `npx lipsync` must
 * follow a line that installs `@lipsync/cli`, elsewhere it is `npx @lipsync/cli`.
 */
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { anchorOf } from './anchor-of.mjs';

function anchorsOf(path) {
  const text = readFileSync(path, 'utf8').replaceAll(/^```[\s\S]*?^```/gm, '');
  return new Set([...text.matchAll(/^#{1,6}\s+(.*)$/gm)].map(([, heading]) => anchorOf(heading)));
}

/** Files of the repository that prose and commands name. */
const NAMED = /(?<![\w./-])((?:scripts|bench|reference|tests)\/[\w./-]+\.(?:mjs|py|ts))/g;

export function checkPages(pages, report) {
  for (const page of pages) {
    let fenced = false;
    let installed = false;
    readFileSync(page, 'utf8')
      .split('\n')
      .forEach((line, i) => {
        if (/^\s*```/.test(line)) fenced = !fenced;
        installed ||= /\bnpm (install|i) (?!.*(-g|--global)\b).*@lipsync\/cli\b/.test(line);
        if (/\bnpx (-\S+ )*lipsync\b/.test(line) && !installed)
          report(
            page,
            i + 1,
            'npx lipsync without @lipsync/cli installed runs a package of somebody else: npx @lipsync/cli',
          );
        for (const [, path] of line.matchAll(NAMED)) {
          if (!existsSync(path) && !existsSync(join(dirname(page), path))) report(page, i + 1, `${path} is not there`);
        }
        if (fenced) return;
        const links = line.replaceAll(/`[^`]*`/g, '').matchAll(/\]\(([^)\s]+)\)|(?<!:)(?:src|href)="([^"]+)"/g);
        for (const [, inPage, inTag] of links) {
          const target = inPage ?? inTag;
          if (/^[a-z]+:/i.test(target)) continue;
          const [file, anchor] = target.split('#');
          const path = file === '' ? page : normalize(join(dirname(page), file));
          if (path.startsWith('..') || !existsSync(path)) report(page, i + 1, `link ${target}: ${path} is not there`);
          else if (anchor && path.endsWith('.md') && !anchorsOf(path).has(anchor))
            report(page, i + 1, `link ${target}: no heading #${anchor} in ${path}`);
        }
      });
  }
}
