/** Finds the code of pages and of doc comments, with the line on which each stands. */
import { readFileSync } from 'node:fs';

const WORDS = new Set(['run', 'continued']);

/**
 * The `ts` and `sh` blocks of a page.
 *
 * @returns `{ file, line, language, text, given, run }`: `line` is that of the first line of `text`, from 1; `given` is declared above it unseen.
 */
export function collectBlocks(path, report) {
  const lines = readFileSync(path, 'utf8').split('\n');
  const blocks = [];
  let given = '';
  let last;
  for (let i = 0; i < lines.length; i++) {
    if (/^<!-- given\b/.test(lines[i])) {
      const end = lines.findIndex((line, at) => at > i && /^-->/.test(line));
      if (end < 0) report(path, i + 1, 'a comment "given" must end with a line -->');
      else [given, i] = [lines.slice(i + 1, end).join('\n'), end];
      continue;
    }
    const fence = /^(\s*)(`{3,})(.*)$/.exec(lines[i]);
    if (!fence) {
      if (lines[i].trim() !== '') given = '';
      continue;
    }
    const [, indent, ticks, info] = fence;
    const start = i + 1;
    const end = lines.findIndex((line, at) => at >= start && line.trim() === ticks);
    if (end < 0) {
      report(path, start, 'a code block must be closed');
      return blocks;
    }
    i = end;
    const [language, ...words] = info.trim().split(/\s+/);
    if (language === 'typescript') report(path, start, 'a block of TypeScript must be marked ts');
    if (language !== 'ts' && language !== 'sh') continue;
    const unknown = words.filter((word) => !WORDS.has(word));
    if (unknown.length > 0)
      report(path, start, `words after ${language} must be ${[...WORDS].join(', ')}, got ${unknown}`);
    const body = lines.slice(start, end).map((line) => (line.startsWith(indent) ? line.slice(indent.length) : line));
    const continued = words.includes('continued') && last;
    const text = body.join('\n');
    const block = {
      file: path,
      line: start + 1,
      language,
      text,
      given: continued ? [last.given, last.text, given].filter(Boolean).join('\n') : given,
      run: words.includes('run'),
    };
    blocks.push(block);
    if (language === 'ts') last = block;
    given = '';
  }
  return blocks;
}

/** What the comment before `rest` documents, if it is a declaration with a name. */
function documented(rest) {
  const declared =
    /^\s*export\s+(?:default\s+)?(?:declare\s+)?(?:abstract\s+)?(?:async\s+)?(?:function\*?|class|const|let|type|interface|enum)\s+([\w$]+)/.exec(
      rest,
    );
  if (declared) return declared[1];
  const member =
    /^\s*(?:public\s+)?(?:static\s+)?(?:override\s+)?(?:async\s+)?(?:get\s+|set\s+)?\*?\s*([\w$]+)\s*(?:<[^>]*>)?\(/.exec(
      rest,
    );
  return member && member[1] !== 'constructor' && member[1] !== 'function' ? member[1] : undefined;
}

/**
 * The examples of a source file.
 *
 * @returns `{ file, line, text, given, of }`; `of` is the name that the comment documents.
 */
export function collectExamples(path, report) {
  const source = readFileSync(path, 'utf8');
  const examples = [];
  for (const { 0: comment, index } of source.matchAll(/\/\*\*(?:[^*]|\*(?!\/))*\*\//g)) {
    if (!/@example\b/.test(comment)) continue;
    const firstLine = source.slice(0, index).split('\n').length;
    const lines = comment
      .replace(/\s*\*\/$/, '')
      .split('\n')
      .map((line, i) => (i === 0 ? line.replace(/^\/\*\*\s?/, '') : line.replace(/^\s*\* ?/, '')));
    const of = documented(source.slice(index + comment.length));
    for (let i = 0; i < lines.length; i++) {
      const start = /^@example\b\s*(.*)$/.exec(lines[i]);
      if (!start) continue;
      let end = i + 1;
      while (end < lines.length && !/^@[a-z]/.test(lines[end])) end++;
      // A fence inside the comment is left out, line for line.
      const body = [start[1], ...lines.slice(i + 1, end)].map((line) => (/^\s*```/.test(line) ? '' : line));
      const example = { file: path, line: firstLine + i, text: body.join('\n'), given: '', of };
      if (example.text.trim() === '') report(path, example.line, 'an @example must hold code');
      else if (of && !new RegExp(`(?<![\\w$])${of.replaceAll('$', '\\$')}(?![\\w$])`).test(example.text))
        report(path, example.line, `the @example of ${of} must use ${of}`);
      examples.push(example);
      i = end - 1;
    }
  }
  return examples;
}
