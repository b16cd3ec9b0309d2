/**
 * Builds the site into site/dist: the reference by TypeDoc, the pages of the repository by VitePress; then follows every link of it.
 *
 *     pnpm site                   builds and checks
 *     pnpm site --serve           shows it at http://localhost:5173 and follows changes of the pages
 *     pnpm site --no-reference    keeps the reference of the last time
 *
 * `SITE_BASE` is the path under which it is served, such as `/lipsync`; default `/`.
 */
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build, createServer } from 'vitepress';
import { checkSite } from './check-site.mjs';
import { makeReference } from './make-reference.mjs';

const site = dirname(fileURLToPath(import.meta.url));
const args = process.argv.slice(2);
const reference = join(site, 'reference');
if (!args.includes('--no-reference') || !existsSync(reference))
  await makeReference({ root: dirname(site), folder: reference });

if (args.includes('--serve')) {
  const server = await createServer(site);
  await server.listen();
  server.printUrls();
} else {
  await build(site);
  const { pages, links, problems } = checkSite(join(site, 'dist'), process.env.SITE_BASE ?? '/');
  for (const problem of problems) console.error(problem);
  console.log(`site: ${pages} pages, ${links} links: ${problems.length} problems`);
  process.exit(problems.length === 0 ? 0 : 1);
}
