import { pagesIn } from './.vitepress/pages.mjs';

/** The decision records, newest first: `{ date, title, link }`. */
export default {
  load: () =>
    pagesIn('docs/decisions')
      .map(({ title, link }) => ({
        title,
        link: `${link}.html`,
        date: /\d{4}-\d\d-\d\d/.exec(link)[0],
      }))
      .reverse(),
};
