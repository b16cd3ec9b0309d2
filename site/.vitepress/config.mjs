import { readdirSync } from 'node:fs';
import { defineConfig } from 'vitepress';
import { anchorOf } from '../../scripts/docs/anchor-of.mjs';
import { pageOf, pagesIn, root } from './pages.mjs';
import { repositoryLinks } from './repository-links.mjs';

const { GITHUB_SERVER_URL: server, GITHUB_REPOSITORY: repository, SITE_BASE } = process.env;
const entries = (folder) => pagesIn(folder).map(({ title, link }) => ({ text: title.replace('@lipsync/', ''), link }));
const group = (text, items, collapsed) => ({ text, items, collapsed });

export default defineConfig({
  title: 'lipsync',
  description:
    'Measure audio-visual lip sync in JavaScript: is the mouth in sync with the audio, and by how much is it off?',
  lang: 'en',
  // Pages stay where GitHub shows them: in docs/, and beside the packages.
  srcDir: root,
  srcExclude: [
    ...readdirSync(root)
      .filter((name) => !['docs', 'site', 'packages', 'examples'].includes(name) && !name.endsWith('.md'))
      .map((name) => `${name}/**`),
    ...['README.md', '{packages,examples}/*/!(README).md', '{packages,examples}/*/*/**', 'site/reference/index.md'],
  ],
  rewrites: (file) => pageOf(file) ?? file,
  base: SITE_BASE ? `${SITE_BASE.replace(/\/+$/, '')}/` : '/',
  cacheDir: 'node_modules/.cache/lipsync-site',
  outDir: 'dist',
  lastUpdated: false,
  markdown: {
    anchor: { slugify: anchorOf },
    theme: { light: 'github-light', dark: 'github-dark' },
    config: repositoryLinks,
  },
  vite: { publicDir: false, build: { chunkSizeWarningLimit: 4000 } },
  themeConfig: {
    search: { provider: 'local' },
    outline: [2, 3],
    socialLinks: server && repository ? [{ icon: 'github', link: `${server}/${repository}` }] : undefined,
    nav: [
      { text: 'Start', link: '/start' },
      { text: 'Concepts', link: '/concepts' },
      { text: 'Recipes', link: '/recipes/gate-in-ci' },
      { text: 'Packages', link: '/packages/' },
      { text: 'Reference', link: '/reference/score' },
    ],
    sidebar: {
      '/': [
        group('Begin', [
          { text: 'Start in five minutes', link: '/start' },
          { text: 'Concepts', link: '/concepts' },
          { text: 'What users ask for', link: '/users-ask' },
        ]),
        group('Recipes', [
          { text: 'Gate videos in CI', link: '/recipes/gate-in-ci' },
          { text: 'Filter a data set', link: '/recipes/filter-a-data-set' },
          { text: 'Train on your own videos', link: '/recipes/train-on-your-own-videos' },
          { text: 'A sync loss for your generator', link: '/recipes/sync-loss' },
          { text: 'A live meter', link: '/recipes/live-meter' },
          { text: 'Many machines', link: '/preparing-data#on-many-machines' },
        ]),
        group('In depth', [
          { text: 'The verdict', link: '/verdict' },
          { text: 'Preparing data', link: '/preparing-data' },
          { text: 'Backends', link: '/backends' },
          { text: 'Performance', link: '/performance' },
          { text: 'Training a generator', link: '/generator' },
          { text: 'Model card', link: '/model-card' },
          { text: 'Architecture', link: '/architecture' },
          { text: 'Decisions', link: '/decisions/' },
        ]),
        group('Packages', entries('packages'), true),
        group('Examples', entries('examples'), true),
        group('Reference', entries('site/reference'), true),
        group(
          'Project',
          [
            { text: 'Contributing', link: '/contributing' },
            { text: 'Security', link: '/security' },
            { text: 'Code of conduct', link: '/code_of_conduct' },
          ],
          true,
        ),
      ],
    },
  },
});
