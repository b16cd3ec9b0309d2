/** Links of pages are written for the repository, relative to their files; here they become links of the site. */
import { resolveLink } from './pages.mjs';

export function repositoryLinks(markdown) {
  markdown.core.ruler.push('repository-links', ({ tokens, env }) => {
    for (const { children } of tokens) if (children) relink(children, env.realPath ?? env.path);
  });
}

function relink(tokens, from) {
  const open = [];
  for (const token of tokens) {
    if (token.type === 'link_open') {
      open.push(token);
      const href = token.attrGet('href');
      if (/^([a-z]+:|#|\/)/i.test(href)) continue;
      const target = resolveLink(from, decodeURI(href));
      if (target) token.attrSet('href', target);
      else asText(token);
    } else if (token.type === 'link_close' && open.pop().type === 'text') asText(token);
  }
}

/** A link that leads out of the site, where the address of the repository is not known. */
function asText(token) {
  Object.assign(token, { type: 'text', tag: '', nesting: 0, content: '' });
}
