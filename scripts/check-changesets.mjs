/**
 * A package whose code changed needs a changeset; every export needs a doc comment; the drawing of docs/architecture.md shows every package; the
 * versions that `changeset version` would give are as they should be.
 *
 *     node scripts/check-changesets.mjs
 *
 * "Changed" is since the last tag `@lipsync/NAME@VERSION` of the package. Before the first release every package counts as changed.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import ts from 'typescript';
import { versionProblems } from './packages/try-versions.mjs';

const problems = [];
const packages = readdirSync('packages').filter((name) => existsSync(join('packages', name, 'src')));
const git = (...words) => spawnSync('git', words, { encoding: 'utf8' });

const majors = checkChangesets();
problems.push(...versionProblems(packages, majors));
for (const name of packages) checkComments(name);
checkDrawing();
for (const problem of problems) console.error(`changesets: ${problem}`);
console.log(`changesets: ${packages.length} packages, ${problems.length} problems`);
process.exit(problems.length === 0 ? 0 : 1);

/** Whether shipped files of a package differ from those of its last release. */
function changedSinceRelease(name) {
  const [tag] = git('tag', '--list', `@lipsync/${name}@*`, '--sort=-version:refname').stdout.split('\n');
  if (!tag) return 'it was never released';
  const shipped = ['src', 'package.json'].map((path) => `packages/${name}/${path}`);
  const skipped = [`:(exclude)packages/${name}/src/**/*.test.ts`, `:(exclude)packages/${name}/src/testing`];
  const { status, stderr } = git('diff', '--quiet', tag, '--', ...shipped, ...skipped);
  if (status !== 0 && status !== 1) throw new Error(`git diff ${tag}: ${stderr}`);
  return status === 1 ? `its code differs from ${tag}` : undefined;
}

/** @returns the packages for which a changeset asks for a new major. */
function checkChangesets() {
  const named = new Map();
  const majors = new Set();
  for (const file of readdirSync('.changeset').filter((path) => path.endsWith('.md') && path !== 'README.md')) {
    const [, front = '', text = ''] =
      /^---\n([\s\S]*?)\n---\n([\s\S]*)$/.exec(readFileSync(join('.changeset', file), 'utf8')) ?? [];
    const entries = [...front.matchAll(/^['"]?(@lipsync\/[a-z0-9-]+)['"]?:\s*(patch|minor|major)\s*$/gm)];
    if (entries.length === 0) problems.push(`.changeset/${file} must name a package and how it changed`);
    if (text.trim() === '') problems.push(`.changeset/${file} must say what changed`);
    for (const [, name, kind] of entries) {
      if (!packages.includes(name.slice('@lipsync/'.length)))
        problems.push(`.changeset/${file} names ${name}, which is no package`);
      named.set(name, file);
      if (kind === 'major') majors.add(name);
    }
  }
  for (const name of packages) {
    const why = changedSinceRelease(name);
    if (why && !named.has(`@lipsync/${name}`)) problems.push(`@lipsync/${name} needs a changeset: ${why}`);
  }
  return majors;
}

/** Declarations behind the names of an entry, followed through the files of the package. */
function checkComments(name) {
  const folder = join('packages', name, 'src');
  const entries = ['index.ts', 'tensors.ts', 'arrays.ts'].map((file) => join(folder, file)).filter(existsSync);
  const program = entries.map((path) => [path, parse(path)]);
  for (const [path, source] of program) {
    for (const statement of source.statements) {
      if (!ts.isExportDeclaration(statement) || !statement.moduleSpecifier) continue;
      if (!statement.exportClause) {
        problems.push(`${path} must list each name that it exports`);
        continue;
      }
      const from = statement.moduleSpecifier.text;
      if (!from.startsWith('.')) continue;
      const file = join(folder, `${from}.ts`);
      const target = existsSync(file) ? file : join(folder, from, 'index.ts');
      for (const element of statement.exportClause.elements) {
        const exported = (element.propertyName ?? element.name).text;
        const found = existsSync(target) ? declarationsOf(target, exported) : [];
        if (found.length === 0) problems.push(`${target}: ${exported} was not found`);
        else if (!found.some(isDocumented))
          problems.push(`${target}: ${exported} is exported by @lipsync/${name} and needs a doc comment`);
      }
    }
  }
}

function parse(path) {
  return ts.createSourceFile(path, readFileSync(path, 'utf8'), ts.ScriptTarget.ES2022, true);
}

function declarationsOf(path, name) {
  return parse(path).statements.flatMap((statement) => {
    if (ts.isVariableStatement(statement))
      return statement.declarationList.declarations.some((declaration) => declaration.name.getText() === name)
        ? [statement]
        : [];
    return statement.name?.text === name ? [statement] : [];
  });
}

/** A type of options without a comment of its own is documented where each of its fields is. */
function isDocumented(node) {
  if (ts.getJSDocCommentsAndTags(node).length > 0) return true;
  if (!ts.isTypeAliasDeclaration(node)) return false;
  const parts = ts.isIntersectionTypeNode(node.type) ? node.type.types : [node.type];
  const fields = parts.flatMap((part) => (ts.isTypeLiteralNode(part) ? [...part.members] : []));
  return fields.length > 0 && fields.every((field) => ts.getJSDocCommentsAndTags(field).length > 0);
}

function checkDrawing() {
  const page = readFileSync('docs/architecture.md', 'utf8');
  const drawing = /```(?:mermaid|text)?\n([\s\S]*?)```/.exec(page)?.[1] ?? '';
  for (const name of packages) {
    if (!new RegExp(`(?<![\\w-])${name}(?![\\w-])`).test(drawing))
      problems.push(`docs/architecture.md: the drawing must show ${name}`);
  }
}
