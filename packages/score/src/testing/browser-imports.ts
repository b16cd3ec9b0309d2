import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';

type Outputs = Record<string, { imports: { path: string; kind: string; external?: boolean }[]; entryPoint?: string }>;
type Resolved = { path: string; external?: boolean };
type PluginBuild = {
  onResolve(filter: { filter: RegExp }, resolve: (args: { path: string }) => Resolved): void;
};

const packagesFolder = fileURLToPath(new URL('../../../', import.meta.url));

/**
 * Packages of other people, and optional ones of ours, which an application's bundler finds where they are installed.
 */
const EXTERNAL = ['node:*', '@tensorflow/*', 'tinypool', '@lipsync/backends', '@lipsync/media', '@lipsync/onnx'];

/**
 * Bundles packages from their sources for a browser.
 *
 * @param names packages, such as `score`.
 * @returns what the bundle imports from outside when it loads, and what it may import later.
 */
export async function browserImports(names: readonly string[]): Promise<{ static: string[]; dynamic: string[] }> {
  // esbuild is a dependency of tsup, not of ours.
  const { build } = createRequire(createRequire(import.meta.url).resolve('tsup'))('esbuild') as {
    build(options: object): Promise<{ metafile: { outputs: Outputs } }>;
  };
  const sources = {
    name: 'sources',
    setup({ onResolve }: PluginBuild) {
      onResolve({ filter: /^@lipsync\// }, ({ path }) => {
        if (EXTERNAL.includes(path)) return { path, external: true };
        const [, name, part = 'index'] = path.split('/');
        return { path: `${packagesFolder}${name}/src/${part}.ts` };
      });
    },
  };
  const { metafile } = await build({
    stdin: {
      contents: names.map((name, i) => `export * as p${i} from '@lipsync/${name}';`).join('\n'),
      resolveDir: packagesFolder,
    },
    bundle: true,
    format: 'esm',
    platform: 'browser',
    splitting: true,
    metafile: true,
    write: false,
    outdir: 'out',
    external: EXTERNAL,
    plugins: [sources],
    logLevel: 'error',
  });
  return { static: loadedBy(metafile.outputs), dynamic: importedLater(metafile.outputs) };
}

/** External modules that the entry loads, directly or through chunks that it loads. */
function loadedBy(outputs: Outputs): string[] {
  const external = new Set<string>();
  const seen = new Set<string>();
  const visit = (file: string) => {
    if (seen.has(file)) return;
    seen.add(file);
    for (const { path, kind, external: outside } of outputs[file].imports) {
      if (kind === 'dynamic-import') continue;
      if (outside) external.add(path);
      else visit(path);
    }
  };
  visit(Object.keys(outputs).find((file) => outputs[file].entryPoint?.includes('<stdin>')) as string);
  return [...external].sort();
}

function importedLater(outputs: Outputs): string[] {
  const imports = Object.values(outputs).flatMap((output) => output.imports);
  return [...new Set(imports.filter(({ kind }) => kind === 'dynamic-import').map(({ path }) => path))].sort();
}
