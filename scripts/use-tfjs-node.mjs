/**
 * Lets `import('@tensorflow/tfjs-node')` find the package that scripts/build-tfjs-node.mjs has built, as if it were installed:
 *
 *     node --import ./scripts/use-tfjs-node.mjs packages/cli/bin/lipsync.js score talk.mp4 --backend tfjs-node
 */
import { register } from 'node:module';

const built = new URL('../.tools/tfjs-node/node_modules/@tensorflow/tfjs-node/dist/index.js', import.meta.url).href;
const hook = `export const resolve = (name, context, next) => name === '@tensorflow/tfjs-node' ? { url: ${JSON.stringify(built)}, shortCircuit: true } : next(name, context);`;
register(`data:text/javascript,${encodeURIComponent(hook)}`);
