/** Which file of the repository is which page of the site. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, posix, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = resolve(dirname(fileURLToPath(import.meta.url)), '../..');

const RULES = [
  [/^docs\/(.+\.md)$/, '$1'],
  [/^(packages|examples)\/([^/]+)\/README\.md$/, '$1/$2.md'],
  [/^(CONTRIBUTING|SECURITY|CODE_OF_CONDUCT)\.md$/, '$1.md'],
  [/^site\/(packages|decisions)\.md$/, '$1/index.md'],
  [/^site\/((?:reference\/)?[^/]+\.md)$/, '$1'],
];

/** The path of a page, from that of its file, both from the root; undefined where the file is not a page. */
export function pageOf(file) {
  const rule = RULES.find(([pattern]) => pattern.test(file));
  return rule && file.replace(...rule).toLowerCase();
}

/** The first heading of a file. */
function titleOf(file) {
  const heading = /^# (.+)$/m.exec(readFileSync(join(root, file), 'utf8'));
  if (!heading) throw new Error(`titleOf: ${file} must have a heading`);
  return heading[1].replaceAll('`', '');
}

/** The files of a folder that are pages, sorted: `{ file, link, title }`. */
export function pagesIn(folder) {
  return readdirSync(join(root, folder), { withFileTypes: true })
    .map((entry) => `${folder}/${entry.isDirectory() ? `${entry.name}/README.md` : entry.name}`)
    .filter(
      (file) => file.endsWith('.md') && existsSync(join(root, file)) && pageOf(file) && !file.endsWith('/index.md'),
    )
    .sort()
    .map((file) => ({ file, link: linkTo(pageOf(file)), title: titleOf(file) }));
}

const linkTo = (page) => `/${page.replace(/(^|\/)index\.md$/, '$1').replace(/\.md$/, '')}`;

/**
 * Where a relative link of a page leads.
 *
 * @param from the page's file. @param href as it is written, relative to the file, as on GitHub.
 * @returns a path of the site, an address in the repository, or undefined where neither is known.
 */
export function resolveLink(from, href) {
  const [path, anchor] = href.split('#');
  const file = relative(root, resolve(dirname(from), path))
    .split('\\')
    .join('/');
  const hash = anchor ? `#${anchor}` : '';
  if (file === 'README.md') return '/';
  const candidates = [file, `${file}/README.md`, `site/${posix.basename(file)}.md`];
  const page = candidates.find((candidate) => pageOf(candidate) && existsSync(join(root, candidate)));
  if (page) return `${linkTo(pageOf(page))}${hash}`;
  const { GITHUB_SERVER_URL: server, GITHUB_REPOSITORY: repository } = process.env;
  return server && repository ? `${server}/${repository}/tree/main/${file}${hash}` : undefined;
}
