/** Whoever copies the install line of a package's README and then its code needs every package that the code imports: strict package managers find no others. */
const INSTALL = /^\s*(?:\w+=\S+ )?npm install (.*)$/gm;
const IMPORT = /(?:from|import|import\()\s*'([^'./][^']*)'/g;

/** `@lipsync/score` of `@lipsync/score/x`, and of `@lipsync/score@1.0.0`. */
const packageOf = (name) => /^(@[^/]+\/[^/@]+|[^/@]+)/.exec(name)[1];

export function checkInstalls({ blocks, report }) {
  const installed = new Map();
  for (const { file, text } of blocks.filter(({ language }) => language === 'sh')) {
    const names = [...text.matchAll(INSTALL)].flatMap(([, words]) => words.replace(/\s#.*/, '').split(/\s+/));
    const known = installed.get(file) ?? new Set();
    for (const name of names.filter((word) => /^[@\w]/.test(word))) known.add(packageOf(name));
    installed.set(file, known);
  }
  for (const { file, line, language, text } of blocks) {
    if (language !== 'ts' || !/^packages\/[^/]+\/README\.md$/.test(file)) continue;
    const imported = [...text.matchAll(IMPORT)].map(([, name]) => name).filter((name) => !name.startsWith('node:'));
    const missing = imported.map(packageOf).filter((name) => !installed.get(file)?.has(name));
    if (missing.length > 0)
      report(file, line, `imports ${[...new Set(missing)].join(', ')}, which no install line of this page names`);
  }
}
