/** Type-checks blocks and examples in one TypeScript program, against the sources of the packages. */
import { writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import ts from 'typescript';

/** Names of other packages that examples use without importing them. */
const KNOWN = {
  tf: "import * as tf from '@tensorflow/tfjs-core';",
  ...Object.fromEntries(
    Object.entries({
      'node:fs/promises': ['mkdir', 'open', 'openAsBlob', 'readFile', 'rm', 'stat', 'writeFile'],
      'node:fs': ['createReadStream', 'createWriteStream', 'readFileSync', 'writeFileSync'],
      'node:path': ['join', 'resolve'],
      'node:worker_threads': ['Worker', 'workerData', 'parentPort'],
    }).flatMap(([module, names]) => names.map((name) => [name, `import { ${name} } from '${module}';`])),
  ),
};

/** "Cannot find name", with and without a guess, and in `{ name }`. */
const MISSING = new Set([2304, 2552, 2503, 2584, 18004]);
/** Parameters without a type, whose type would come from an input that is `any`. */
const IMPLICIT_ANY = new Set([7005, 7006, 7031, 7034, 7053]);
/** Variables of a page's window that an example means otherwise. */
const WINDOW_VARIABLES = new Set(
  'Worker close event find focus frames history length location name open origin parent print screen self status stop top'.split(
    ' ',
  ),
);
/** A value that is only looked at, and a module without exports, are usual in an example. */
const HARMLESS = new Set([2695, 2309]);

/** Names that each package exports by its `src/index.ts`, and contracts by `tensors.ts`; those of `arrays.ts` are in the index too. */
function exportedNames(root, packages) {
  const exported = new Map();
  const entries = packages.map((name) => [name, `@lipsync/${name}`, join(root, 'packages', name, 'src/index.ts')]);
  entries.push(['contracts', '@lipsync/contracts/tensors', join(root, 'packages/contracts/src/tensors.ts')]);
  for (const [name, module, path] of entries) {
    const source = ts.createSourceFile(path, ts.sys.readFile(path) ?? '', ts.ScriptTarget.ES2022, true);
    for (const statement of source.statements) {
      if (!ts.isExportDeclaration(statement) || !statement.exportClause) continue;
      for (const element of statement.exportClause.elements ?? []) {
        const found = exported.get(element.name.text) ?? [];
        exported.set(element.name.text, [...found, { name, module }]);
      }
    }
  }
  return exported;
}

/** Names that a source file exports: what an example may use of its own file without the package exporting it. */
function namesOf(path) {
  const source = ts.createSourceFile(path, ts.sys.readFile(path), ts.ScriptTarget.ES2022, true);
  const names = new Set();
  for (const statement of source.statements) {
    const isExported = statement.modifiers?.some(({ kind }) => kind === ts.SyntaxKind.ExportKeyword);
    if (!isExported) continue;
    if (statement.name) names.add(statement.name.text);
    for (const declaration of statement.declarationList?.declarations ?? []) names.add(declaration.name.text);
  }
  return names;
}

/** Whether the name at a position is called, constructed or used as a type: then it cannot be an input. */
function mustBeKnown(source, position) {
  let node = source;
  const inner = (at) =>
    ts.forEachChild(at, (child) => (child.pos <= position && position < child.end ? child : undefined));
  for (let next = inner(node); next; next = inner(node)) node = next;
  const { parent } = node;
  if (ts.isTypeReferenceNode(parent) || ts.isQualifiedName(parent) || ts.isExpressionWithTypeArguments(parent))
    return true;
  return (ts.isCallExpression(parent) || ts.isNewExpression(parent)) && parent.expression === node;
}

/**
 * Reports each type error at the line of its page or source file.
 *
 * @param blocks of pages: they compile as they stand. @param examples of doc comments: free names are declared or imported.
 */
export function checkTypes({ root, scratch, packages, blocks, examples, report }) {
  const { config } = ts.readConfigFile(join(root, 'tsconfig.json'), ts.sys.readFile);
  const { options } = ts.parseJsonConfigFileContent({ ...config, include: [], files: [] }, ts.sys, root);
  Object.assign(options, { noUnusedLocals: false, noUnusedParameters: false, isolatedModules: false, noEmit: true });
  options.paths = { ...options.paths };
  const exported = exportedNames(root, packages);
  const units = [...blocks, ...examples].map((unit, i) => ({
    ...unit,
    isExample: i >= blocks.length,
    head: '',
    path: join(scratch, `${unit.file.replaceAll(/[^\w]+/g, '-')}-${unit.line}.ts`),
  }));
  const textOf = ({ given, head, text }) => `${given.replaceAll('\n', ' \n')}\n${head}\nexport {};\n${text}\n`;
  /** How many lines stand before the text. */
  const linesBefore = (unit) => textOf({ ...unit, text: '' }).split('\n').length - 2;
  const write = (unit) => writeFileSync(unit.path, textOf(unit));
  units.forEach(write);

  const host = ts.createCompilerHost(options);
  const parsed = new Map();
  const { getSourceFile } = host;
  host.getSourceFile = (path, ...rest) => {
    if (path.startsWith(scratch) && !path.includes('node_modules')) return getSourceFile.call(host, path, ...rest);
    if (!parsed.has(path)) parsed.set(path, getSourceFile.call(host, path, ...rest));
    return parsed.get(path);
  };
  let program;
  const compile = () => {
    program = ts.createProgram(
      units.map(({ path }) => path),
      options,
      host,
      program,
    );
    return units.map(({ path }) => {
      const source = program.getSourceFile(path);
      return [...program.getSyntacticDiagnostics(source), ...program.getSemanticDiagnostics(source)];
    });
  };

  let found = compile();
  let changed = false;
  units.forEach((unit, i) => {
    if (!unit.isExample) return;
    const source = program.getSourceFile(unit.path);
    const free = freeNames(found[i], source, program.getTypeChecker());
    const inputs = declareFree({ ...unit, firstLine: unit.line - linesBefore(unit) }, free, exported, report);
    if (inputs === '') return;
    unit.head = inputs;
    write(unit);
    changed = true;
  });
  if (changed) found = compile();
  units.forEach((unit, i) => {
    const before = linesBefore(unit);
    const seen = new Set();
    for (const { code, start = 0, messageText, file } of found[i]) {
      if (HARMLESS.has(code) || (unit.isExample && IMPLICIT_ANY.has(code))) continue;
      if (unit.isExample && MISSING.has(code)) continue; // declareFree has reported it
      const line = file ? file.getLineAndCharacterOfPosition(start).line : 0;
      const message = ts.flattenDiagnosticMessageText(messageText, ' ').replaceAll(`${root}/`, '');
      if (seen.has(`${line} ${message}`)) continue;
      seen.add(`${line} ${message}`);
      report(unit.file, Math.max(unit.line, unit.line + line - before), `${message.slice(0, 400)} (TS${code})`);
    }
  });
}

/** Names that are declared nowhere, or only as a variable of a page's window: `name`, with the line and whether it must be known. */
function freeNames(diagnostics, source, checker) {
  const names = new Map();
  const add = (name, position) => {
    const known = names.get(name) ?? { needed: false, line: source.getLineAndCharacterOfPosition(position).line };
    names.set(name, { ...known, needed: known.needed || mustBeKnown(source, position) });
  };
  for (const { code, start, length } of diagnostics)
    if (MISSING.has(code)) add(source.text.slice(start, start + length), start);
  const visit = (node) => {
    if (ts.isIdentifier(node) && WINDOW_VARIABLES.has(node.text) && !isMemberName(node)) {
      const shorthand = ts.isShorthandPropertyAssignment(node.parent);
      const symbol = shorthand
        ? checker.getShorthandAssignmentValueSymbol(node.parent)
        : checker.getSymbolAtLocation(node);
      if (symbol?.declarations?.every((declaration) => /lib\.dom[^/]*$/.test(declaration.getSourceFile().fileName)))
        add(node.text, node.getStart(source));
    }
    ts.forEachChild(node, visit);
  };
  visit(source);
  return names;
}

/** Whether an identifier is `b` of `a.b`, or the key of a property. */
const isMemberName = (name, parent = name.parent) =>
  (ts.isPropertyAccessExpression(parent) && parent.name === name) ||
  (ts.isPropertyAssignment(parent) && parent.name === name);

/** Declarations and imports for the free names of an example, on one line, so that its own lines keep their place. */
function declareFree(unit, names, exported, report) {
  const own = /^packages\/([^/]+)\//.exec(unit.file)?.[1];
  const local = namesOf(unit.file);
  const head = [];
  for (const [name, { needed, line }] of names) {
    const from = exported.get(name);
    const home = from?.find(({ name: owner }) => owner === own) ?? from?.[0];
    if (home) head.push(`import { ${name} } from '${home.module}';`);
    else if (local.has(name)) {
      const path = relative(join(unit.path, '..'), unit.file).replaceAll('\\', '/').replace(/\.ts$/, '');
      head.push(`import { ${name} } from '${path.startsWith('.') ? path : `./${path}`}';`);
    } else if (KNOWN[name]) head.push(KNOWN[name]);
    else {
      const message = `${name} is called, or used as a type: it must be imported or declared`;
      if (needed) report(unit.file, unit.firstLine + line, message);
      head.push(`declare let ${name}: any; type ${name} = any;`);
    }
  }
  return head.join(' ');
}
