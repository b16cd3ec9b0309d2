/** One import of a function that runs no network, bundled from the installed packages: TensorFlow.js must not be in it. */
import { createRequire } from 'node:module';
import { gzipSync } from 'node:zlib';

/** What is imported, and the most that its bundle may weigh, bytes of gzip. */
const IMPORTS = [
  ['@lipsync/metrics/arrays', 'describeOffset', 2500],
  ['@lipsync/metrics/arrays', 'ssim', 4000],
  ['@lipsync/metrics/arrays', 'scoreEmbeddings', 6000],
  ['@lipsync/metrics/arrays', 'syncVerdict', 8000],
  ['@lipsync/face-crop/arrays', 'planCrops', 8000],
  ['@lipsync/nn/arrays', 'median', 1500],
  ['@lipsync/checkpoints', 'decodeSafetensors', 4000],
  ['@lipsync/audio-mel', 'melSpectrogram', 9000],
  ['@lipsync/contracts', 'fail', 1500],
];
// esbuild comes with tsup.
const esbuild = createRequire(createRequire(import.meta.url).resolve('tsup'))('esbuild');

/**
 * @param app folder in which the packages are installed.
 * @returns what does not hold, a line each.
 */
export async function tryBundles(app) {
  const problems = [];
  for (const [module, name, limit] of IMPORTS) {
    const { outputFiles, metafile } = await esbuild.build({
      stdin: { contents: `import { ${name} } from '${module}';\nconsole.log(${name});\n`, resolveDir: app },
      ...{ bundle: true, minify: true, format: 'esm', target: 'es2022', write: false, logLevel: 'silent' },
      metafile: true,
      external: ['node:*'],
    });
    const bytes = gzipSync(outputFiles[0].contents).length;
    console.log(`installed: ${name} of ${module} makes a bundle of ${(bytes / 1000).toFixed(1)} KB (gzip)`);
    const [{ inputs }] = Object.values(metafile.outputs);
    const engine = Object.keys(inputs).find((path) => path.includes('tfjs'));
    if (engine) problems.push(`a bundle of ${name} of ${module} must not hold TensorFlow.js, got ${engine}`);
    if (bytes > limit) problems.push(`a bundle of ${name} of ${module} must have at most ${limit} bytes, got ${bytes}`);
  }
  return problems;
}
