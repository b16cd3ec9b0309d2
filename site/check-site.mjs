/** Follows the links of a built site: every address in it must be a file of it, every anchor an element of that page. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join, posix } from 'node:path';

const withoutTail = (path) => path.replace(/\/+$/, '');

/**
 * @param folder of the built site. @param base path under which it is served.
 * @returns how many pages and links there are, and what is wrong with them in words.
 */
export function checkSite(folder, base) {
  const files = readdirSync(folder, { recursive: true }).map((path) => path.split('\\').join('/'));
  const pages = new Map(files.filter((path) => path.endsWith('.html')).map((path) => [path, readPage(folder, path)]));
  const problems = [];
  let links = 0;
  for (const [path, { targets }] of pages) {
    for (const target of targets) {
      links += 1;
      const problem = problemOf({ target, path, base: withoutTail(base), folder, pages });
      if (problem) problems.push(`${path}: link ${target}: ${problem}`);
    }
  }
  return { pages: pages.size, links, problems };
}

function readPage(folder, path) {
  const html = readFileSync(join(folder, path), 'utf8');
  const targets = [...html.matchAll(/\s(?:href|src)="([^"]*)"/g)].map(([, target]) => target.replaceAll('&amp;', '&'));
  const ids = new Set([...html.matchAll(/\sid="([^"]*)"/g)].map(([, id]) => id));
  return { targets: [...new Set(targets)].filter((target) => !/^([a-z]+:|\/\/)/i.test(target)), ids };
}

function problemOf({ target, path, base, folder, pages }) {
  const [address, anchor] = target.split('#');
  let file = path;
  if (address !== '') {
    const absolute = posix.join(base, posix.dirname(path), '/');
    const full = address.startsWith('/')
      ? address
      : posix.join(absolute.startsWith('/') ? absolute : `/${absolute}`, address);
    if (full !== base && !full.startsWith(`${base}/`)) return `leads out of ${base}/`;
    file = decodeURI(full.slice(base.length + 1));
    if (file === '' || file.endsWith('/')) file += 'index.html';
    if (!existsSync(join(folder, file))) file += '.html';
  }
  if (!existsSync(join(folder, file))) return 'there is no such file';
  if (anchor && pages.has(file) && !pages.get(file).ids.has(decodeURIComponent(anchor)))
    return `${file} has no element with this id`;
  return undefined;
}
