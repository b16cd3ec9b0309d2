/**
 * Writes the reference: what every public package exports, a page for each entry, by TypeDoc from the sources.
 *
 * @param folder gets `score.md`, `contracts-tensors.md`, …; what was in it is removed.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Application } from 'typedoc';

/** `[path of the source, name of its page]` of every entry; those of arrays without tensors are in the main one too. */
function entriesOf(root) {
  return readdirSync(join(root, 'packages')).flatMap((name) => {
    const source = join(root, 'packages', name, 'src');
    if (!existsSync(join(source, 'index.ts'))) return [];
    const manifest = JSON.parse(readFileSync(join(root, 'packages', name, 'package.json'), 'utf8'));
    if (manifest.private) return [];
    const files = readdirSync(source).filter((file) => ['index.ts', 'tensors.ts'].includes(file));
    return files.map((file) => [join(source, file), file === 'index.ts' ? name : `${name}-${file.slice(0, -3)}`]);
  });
}

export async function makeReference({ root, folder }) {
  const entries = entriesOf(root);
  const app = await Application.bootstrapWithPlugins({
    plugin: ['typedoc-plugin-markdown'],
    entryPoints: entries.map(([path]) => path),
    tsconfig: join(root, 'tsconfig.json'),
    basePath: root,
    outputs: [{ name: 'markdown', path: folder }],
    cleanOutputDir: true,
    readme: 'none',
    logLevel: 'Error',
    // Types are checked by `pnpm typecheck`, links between comments here.
    skipErrorChecking: true,
    validation: { notExported: false, invalidLink: true, rewrittenLink: true, notDocumented: false },
    excludePrivate: true,
    excludeInternal: true,
    excludeExternals: true,
    disableSources: true,
    groupOrder: ['Functions', 'Classes', 'Variables', 'Interfaces', '*'],
    sort: ['source-order'],
    // How the Markdown looks: one page a package, tables for what has fields.
    router: 'module',
    fileExtension: '.md',
    entryFileName: 'index',
    hidePageHeader: true,
    hideBreadcrumbs: true,
    hideGroupHeadings: false,
    useCodeBlocks: true,
    expandObjects: false,
    parametersFormat: 'table',
    interfacePropertiesFormat: 'table',
    propertyMembersFormat: 'table',
    typeAliasPropertiesFormat: 'table',
    typeDeclarationFormat: 'table',
    enumMembersFormat: 'table',
    useHTMLAnchors: true,
    sanitizeComments: true,
    useHTMLEncodedBrackets: true,
    pageTitleTemplates: { module: ({ name }) => `@lipsync/${name.replace(/-(tensors)$/, '/$1')}` },
  });
  const project = await app.convert();
  if (!project) throw new Error('make-reference: the sources could not be read');
  const names = new Map(entries);
  // TypeDoc names a module by the folder of its source.
  for (const module of project.children) {
    const { fileName } = project.getSymbolIdFromReflection(module);
    module.name = names.get(fileName);
  }
  await app.generateOutputs(project);
}
