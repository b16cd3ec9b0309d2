/**
 * The arrows between packages: exactly those of the table in docs/architecture.md, no cycle, no deep import.
 * The table is read, so the picture and the rule cannot drift apart.
 */
const { readFileSync, readdirSync } = require('node:fs');

const arrows = new Map();
for (const line of readFileSync(`${__dirname}/docs/architecture.md`, 'utf8').split('\n')) {
  const cells = line.split('|').map((cell) => cell.trim());
  const name = /^`@lipsync\/([a-z0-9-]+)`$/.exec(cells[1] ?? '')?.[1];
  if (name)
    arrows.set(
      name,
      [...(cells.at(-2) ?? '').matchAll(/`([a-z0-9-]+)`/g)].map((match) => match[1]),
    );
}
for (const name of readdirSync(`${__dirname}/packages`)) {
  if (!arrows.has(name)) throw new Error(`docs/architecture.md: the table must have a row for @lipsync/${name}`);
  const manifest = JSON.parse(readFileSync(`${__dirname}/packages/${name}/package.json`, 'utf8'));
  const declared = Object.keys({ ...manifest.dependencies, ...manifest.peerDependencies })
    .filter((dependency) => dependency.startsWith('@lipsync/'))
    .map((dependency) => dependency.slice('@lipsync/'.length));
  const undrawn = declared.filter((dependency) => !arrows.get(name).includes(dependency));
  if (undrawn.length > 0)
    throw new Error(`docs/architecture.md: the row of @lipsync/${name} must name ${undrawn.join(', ')}`);
}

/** Tests may use anything, for example a backend to run on. */
const sources = (name) => ({ path: `^packages/${name}/src/`, pathNot: '\\.test\\.ts$|/testing/' });
const layers = [...arrows].map(([name, allowed]) => ({
  name: `arrow-${name}`,
  severity: 'error',
  from: sources(name),
  to: { path: '^packages/', pathNot: `^packages/(${[name, ...allowed].join('|')})/` },
}));

module.exports = {
  forbidden: [
    ...layers,
    { name: 'no-cycle', severity: 'error', from: { pathNot: '\\.test\\.ts$' }, to: { circular: true } },
    {
      name: 'no-deep-import',
      comment: 'packages meet at their names only; tests may share the helpers of src/testing',
      severity: 'error',
      from: { path: '^(packages|examples)/([^/]+)/' },
      to: {
        path: '^(packages|examples)/[^/]+/(src|dist)/(?!(?:index|tensors|arrays)\\.ts$)',
        pathNot: '^$1/$2/|/src/testing/',
      },
    },
    {
      name: 'no-backend-in-libraries',
      comment: 'libraries never choose a backend',
      severity: 'error',
      from: { path: '^packages/(?!backends/)[^/]+/src/', pathNot: '\\.test\\.ts$|/testing/' },
      to: { path: 'tfjs-(backend|node)' },
    },
    {
      name: 'resolvable',
      severity: 'error',
      from: { pathNot: '\\.test\\.ts$' },
      to: { couldNotResolve: true, pathNot: 'tfjs-|webgpu' },
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    exclude: { path: '(^|/)dist/' },
    tsConfig: { fileName: 'tsconfig.json' },
    tsPreCompilationDeps: true,
    enhancedResolveOptions: { exportsFields: ['exports'], conditionNames: ['import', 'require', 'types'] },
  },
};
