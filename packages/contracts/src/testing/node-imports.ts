import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/** Sources below a folder, without tests, that import a module of Node in a way that a bundler for browsers follows. */
export function followedNodeImports(folder: URL): string[] {
  return readdirSync(fileURLToPath(folder), { recursive: true, encoding: 'utf8' })
    .map((name) => name.replaceAll('\\', '/'))
    .filter((name) => name.endsWith('.ts') && !name.endsWith('.test.ts') && !/(^|\/)testing\//.test(name))
    .filter((name) => {
      const code = readFileSync(new URL(name, folder), 'utf8')
        .replace(/\/\*\*[\s\S]*?\*\//g, '') // examples may import what they like
        .replace(/^(import|export) type .*$/gm, '');
      return /(from |import |[^<] ?import\()'node:/.test(code.replace(/typeof import\('node:/g, ''));
    });
}
